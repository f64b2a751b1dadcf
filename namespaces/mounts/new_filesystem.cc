#include "namespaces/mounts/new_filesystem.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/fd.h"
#include "base/path.h"

namespace shoji {
namespace {

constexpr size_t kMaxOptionValue = 255;  // fsconfig(2) takes no longer string
constexpr size_t kMaxData = 4096;        // mount(2) reads a page

// -- what the image has at a mount point -----------------------------------------------------------------

// A directory of the host and a path to be resolved inside it.
struct Place {
  std::string root;
  std::string path;
};

// Where the content lies that the mount will cover: in the image, or in the source of an earlier bind mount.
// Empty when it lies in an earlier fresh filesystem, which has no content yet.
std::optional<Place> covered_place(const MountItem& item) {
  for (size_t i = item.index; i-- > 0;) {
    const Mount& earlier = item.spec.mounts[i];
    std::string at = clean_path(earlier.destination);
    if (!is_at_or_below_path(item.destination, at)) continue;
    auto options = parse_mount_options(earlier);
    if (options && options->remount) continue;
    if (!options || !options->bind) return std::nullopt;
    std::string rest = at == "/" ? item.destination : item.destination.substr(at.size());
    return Place{join_path(item.facts.bundle, earlier.source), rest};
  }
  return Place{item.facts.rootfs, item.destination};
}

// The mode of the directory at `place`, as the container will see it; empty when there is none.
std::optional<mode_t> directory_mode(const Place& place) {
  UniqueFd root(::open(place.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return std::nullopt;
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  std::string path = cat("./", place.path);
  UniqueFd fd(static_cast<int>(syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how)));
  struct stat st{};
  if (!fd || fstat(fd.get(), &st) != 0) return std::nullopt;
  return st.st_mode & 07777;
}

// -- new filesystems -------------------------------------------------------------------------------------

using Pairs = std::vector<std::pair<std::string, std::string>>;

bool has_key(const Pairs& pairs, std::string_view key) {
  return std::ranges::any_of(pairs, [key](const auto& pair) { return pair.first == key; });
}

std::string octal(mode_t mode) {
  char out[5] = {};
  for (int i = 0; i < 4; ++i) out[i] = static_cast<char>('0' + ((mode >> (9 - 3 * i)) & 7));
  return out;
}

// SELinux does not label proc and sysfs; the label of a bind mount is that of its files.
bool takes_label(const MountItem& item) {
  return item.facts.selinux && !item.spec.linux.mount_label.empty() && item.mount.type != "proc" &&
         item.mount.type != "sysfs" && !has_key(item.options.data, "context");
}

// devpts: a tty group that the user namespace does not map would make the mount fail (EINVAL).
bool is_unmapped_group(const MountItem& item, const std::pair<std::string, std::string>& pair) {
  if (item.mount.type != "devpts" || pair.first != "gid" || !item.facts.user_namespace) return false;
  const std::string& text = pair.second;
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return false;
  return !to_host_id(item.facts.maps.gid, static_cast<uint32_t>(strtoul(text.c_str(), nullptr, 10)));
}

Pairs filesystem_options(const MountItem& item) {
  Pairs pairs;
  if (item.mount.type == "tmpfs" && !item.options.tmpcopyup && !has_key(item.options.data, "mode")) {
    // As runc: an existing mount point lends its mode to the tmpfs that covers it.
    auto place = covered_place(item);
    if (auto mode = place ? directory_mode(*place) : std::nullopt) pairs.emplace_back("mode", octal(*mode));
  }
  for (const auto& pair : item.options.data)
    if (!is_unmapped_group(item, pair)) pairs.push_back(pair);
  if (takes_label(item)) pairs.emplace_back("context", item.spec.linux.mount_label);
  return pairs;
}

// The flags of the superblock; a read-only one that has to be filled first is read-only as a mount, later.
uint64_t superblock_flags(const MountItem& item) {
  const uint64_t flags = item.options.superblock;
  return late_read_only(item) ? flags & ~static_cast<uint64_t>(MS_RDONLY) : flags;
}

uint64_t new_mount_attributes(const MountItem& item) {
  uint64_t attributes = item.options.attr_set | item.options.rec_attr_set;
  if (late_read_only(item)) attributes &= ~static_cast<uint64_t>(MOUNT_ATTR_RDONLY);
  return attributes;
}

// In a user namespace the kernel refuses a new sysfs without an own network namespace, and so on: then the
// host's own mount takes its place, with all that lies below it (a part alone is refused too: its mounts are
// locked together).
struct Substitute {
  std::string_view type, path;
  bool MountFacts::* unless;  // the container has what a new one needs; null: always possible
};
constexpr Substitute kSubstitutes[] = {
    {"sysfs", "/sys", nullptr},
    {"proc", "/proc", &MountFacts::new_pid_namespace},
    {"mqueue", "/dev/mqueue", &MountFacts::new_ipc_namespace},
};

const Substitute* find_substitute(const MountItem& item) {
  if (!item.facts.user_namespace && !item.facts.runtime_in_user_namespace) return nullptr;
  const auto* row = std::ranges::find(kSubstitutes, item.mount.type, &Substitute::type);
  if (row == std::end(kSubstitutes)) return nullptr;
  return row->unless != nullptr && item.facts.*(row->unless) ? nullptr : row;
}

// Options that are longer than fsconfig(2) takes (an overlay of many layers): mount(2) with one text, up to a page.
struct FlagPair {
  uint64_t attribute, flag;
};
constexpr FlagPair kMountFlags[] = {
    {MOUNT_ATTR_RDONLY, MS_RDONLY},         {MOUNT_ATTR_NOSUID, MS_NOSUID},
    {MOUNT_ATTR_NODEV, MS_NODEV},           {MOUNT_ATTR_NOEXEC, MS_NOEXEC},
    {MOUNT_ATTR_NOATIME, MS_NOATIME},       {MOUNT_ATTR_STRICTATIME, MS_STRICTATIME},
    {MOUNT_ATTR_NODIRATIME, MS_NODIRATIME}, {MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW},
};

bool needs_mount2(const Pairs& pairs) {
  return std::ranges::any_of(pairs, [](const auto& pair) { return pair.second.size() > kMaxOptionValue; });
}

Result<> plan_mount2(const MountItem& item, const Pairs& pairs, StepList& list) {
  std::string data;
  for (const auto& [key, value] : pairs)
    data += cat(data.empty() ? "" : ",", key, value.empty() ? "" : "=", value);
  if (data.size() >= kMaxData)
    return refuse_mount(item, cat("the options are longer than ", kMaxData - 1, " bytes"),
                        Kind::kUnsupported);
  if (item.destination == "/")
    return refuse_mount(item, "options longer than 255 bytes on \"/\"", Kind::kUnsupported);
  uint64_t flags = superblock_flags(item);
  for (const FlagPair& row : kMountFlags)
    if ((new_mount_attributes(item) & row.attribute) != 0) flags |= row.flag;
  Step& step = list.add(StepKind::kMount2);
  step.u0 = flags;
  step.flags = item.options.dest_nofollow ? kAttachNoFollow : 0;
  list.s0(step, item.destination);
  list.s1(step, item.mount.source.empty() ? item.mount.type : item.mount.source);
  const std::string type_and_data[] = {item.mount.type, data};
  list.v0(step, type_and_data);
  for (const MountChange& change : mount_changes(item.options, false))
    plan_path_change(item.destination, change, list);
  return {};
}

Result<> plan_filesystem(const MountItem& item, StepList& list, MountPlan& plan) {
  Pairs pairs = filesystem_options(item);
  if (late_read_only(item)) plan.read_only.push_back(item.destination);
  if (needs_mount2(pairs)) return plan_mount2(item, pairs, list);
  const uint64_t attributes = new_mount_attributes(item);
  const int32_t slot = list.slot();
  const Substitute* substitute = find_substitute(item);

  Step& make = list.add(StepKind::kNewMount);
  make.a = slot;
  make.u0 = attributes;
  if (substitute != nullptr) make.on_error = OnError::kNextIfRefused;
  list.s0(make, item.mount.type);
  if (!item.mount.source.empty()) list.s1(make, item.mount.source);
  std::vector<std::string> flat;
  for (std::string_view name : superblock_option_names(superblock_flags(item))) {
    flat.emplace_back(name);
    flat.emplace_back();
  }
  for (auto& [key, value] : pairs) {
    flat.push_back(std::move(key));
    flat.push_back(std::move(value));
  }
  if (!flat.empty()) list.v0(make, flat);

  if (substitute != nullptr) {
    Step& bind = list.add(StepKind::kOpenTree);
    bind.a = slot;
    bind.flags = OPEN_TREE_CLONE | AT_RECURSIVE;
    list.s0(bind, substitute->path);
    if (attributes != 0) plan_changes(slot, {{.set = attributes, .recursive = true}}, list);
  }
  plan_changes(slot, mount_changes(item.options, false), list);
  // A proc or sysfs that lands behind a symlink of the image would leave the real path uncovered
  // (CVE-2019-19921).
  const bool kernel_fs = item.mount.type == "proc" || item.mount.type == "sysfs";
  plan_attach(slot,
              {.destination = item.destination,
               .no_follow = kernel_fs || item.options.dest_nofollow,
               .over_proc = item.over_proc},
              list);
  return {};
}

// tmpcopyup: the parent fills a tmpfs with what the image has at the mount point. Without anything to copy it
// is an ordinary tmpfs.
bool plan_copy_up(const MountItem& item, StepList& list, MountPlan& plan) {
  auto place = covered_place(item);
  if (!place || !directory_mode(*place)) return false;
  ParentMount tmpfs;
  tmpfs.kind = ParentMount::Kind::kCopyUp;
  tmpfs.slot = list.slot();
  tmpfs.root = place->root;
  tmpfs.source = place->path;
  tmpfs.destination = item.mount.destination;
  tmpfs.attributes = new_mount_attributes(item);
  tmpfs.data = filesystem_options(item);
  tmpfs.changes = mount_changes(item.options, false);
  if (late_read_only(item)) plan.read_only.push_back(item.destination);
  const int32_t slot = tmpfs.slot;
  plan.parent.push_back(std::move(tmpfs));
  plan_attach(slot,
              {.destination = item.destination,
               .no_follow = item.options.dest_nofollow,
               .over_proc = item.over_proc,
               .source = "tmpfs"},
              list);
  return true;
}

}  // namespace

Result<> plan_new_filesystem(const MountItem& item, StepList& list, MountPlan& plan) {
  if (item.options.tmpcopyup && item.mount.type == "tmpfs") {
    if (plan_copy_up(item, list, plan)) return {};
  }
  return plan_filesystem(item, list, plan);
}

}  // namespace shoji
