#include "namespaces/mounts/mount_plan.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <optional>

#include "base/io.h"
#include "base/path.h"
#include "namespaces/mounts/cgroup_mount.h"
#include "namespaces/mounts/mount_item.h"
#include "namespaces/mounts/new_filesystem.h"

namespace shoji {
namespace {

constexpr long kProcMagic = 0x9fa0;  // statfs(2)

// -- what may lie over /proc -----------------------------------------------------------------------------

// Files that LXCFS and others emulate. Everything else below /proc stays what the kernel shows: a mount there
// could hide a masked path or take the writes of the runtime (CVE-2019-16884, CVE-2019-19921).
constexpr std::string_view kAllowedInProc[] = {
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/slabinfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/sys/crypto/fips_enabled",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/uptime",
};

bool is_procfs(const std::string& path) {
  struct statfs fs{};
  return statfs(path.c_str(), &fs) == 0 && fs.f_type == kProcMagic;
}

Result<> check_proc(MountItem& item) {
  if (!is_at_or_below_path(item.destination, "/proc")) return {};
  if (item.destination == "/proc") {
    item.over_proc = true;
    if (item.mount.type == "proc" && !item.options.bind) return {};
    if (item.options.remount) return {};
    if (item.options.bind && is_procfs(join_path(item.facts.bundle, item.mount.source))) return {};
    return refuse_mount(item, "only a proc filesystem can be mounted on \"/proc\"");
  }
  if (std::ranges::find(kAllowedInProc, item.destination) == std::end(kAllowedInProc))
    return refuse_mount(item, "the destination is inside \"/proc\"");
  item.over_proc = true;
  return {};
}

// -- bind mounts and remounts ----------------------------------------------------------------------------

// crun's copy-symlink: the link itself is made again. False when the source is no symlink.
Result<bool> plan_symlink(const MountItem& item, const std::string& source, StepList& list) {
  struct stat st{};
  if (lstat(source.c_str(), &st) != 0 || !S_ISLNK(st.st_mode)) return false;
  std::array<char, PATH_MAX> target{};
  ssize_t n = readlink(source.c_str(), target.data(), target.size());
  if (n < 0) return fail_errno(errno, mount_words(item.mount));
  Step& link = list.add(StepKind::kSymlink);
  list.s0(link, std::string_view(target.data(), static_cast<size_t>(n)));
  list.s1(link, item.destination);
  return true;
}

// The mapping of an idmapped mount: its own, or the container's.
Result<std::optional<IdMaps>> mount_maps(const MountItem& item) {
  if (!item.options.idmap) return std::nullopt;
  IdMaps maps{item.mount.uid_mappings, item.mount.gid_mappings};
  if (maps.uid.empty() && maps.gid.empty())
    maps = item.facts.user_namespace ? item.facts.maps
                                     : IdMaps{item.spec.linux.uid_mappings, item.spec.linux.gid_mappings};
  if (maps.uid.empty() || maps.gid.empty())
    return refuse_mount(item,
                        "an idmapped mount needs uidMappings and gidMappings of its own or of the container");
  return maps;
}

Result<> plan_bind(const MountItem& item, StepList& list, MountPlan& plan) {
  const ParsedMountOptions& options = item.options;
  if (!options.data.empty())
    return refuse_mount(
        item, cat("a bind mount takes no filesystem options, but has ", quote(options.data.front().first)));
  const std::string source = join_path(item.facts.bundle, item.mount.source);
  if (options.copy_symlink) {
    TRY_ASSIGN(bool made, plan_symlink(item, source, list));
    if (made) return {};
  }
  struct stat st{};
  if ((options.src_nofollow ? lstat(source.c_str(), &st) : stat(source.c_str(), &st)) != 0) {
    // An earlier mount may bring it: below the root the child looks when its turn has come.
    if (errno != ENOENT || !source.starts_with(cat(item.facts.rootfs, "/")))
      return fail_errno(errno, mount_words(item.mount));
    st.st_mode = S_IFDIR;
  }

  TreeSource tree;
  tree.path = source;
  tree.destination = item.mount.destination;
  tree.recursive = options.recursive_bind;
  tree.no_follow = options.src_nofollow;
  TRY_ASSIGN(tree.idmap, mount_maps(item));
  tree.recursive_idmap = options.recursive_idmap;
  tree.changes = mount_changes(options, true);
  if (late_read_only(item)) {
    for (MountChange& change : tree.changes) change.set &= ~static_cast<uint64_t>(MOUNT_ATTR_RDONLY);
    plan.read_only.push_back(item.destination);
  }
  const int32_t slot = plan_tree(tree, item.facts, list, plan);
  plan_attach(slot,
              {.destination = item.destination,
               .file = !S_ISDIR(st.st_mode),
               .no_follow = options.dest_nofollow,
               .over_proc = item.over_proc,
               .source = source},
              list);
  return {};
}

// "remount" changes what is mounted at the destination by then; nothing is mounted anew.
Result<> plan_remount(const MountItem& item, StepList& list) {
  if (!item.options.data.empty())
    return refuse_mount(
        item, cat("remount takes no filesystem options, but has ", quote(item.options.data.front().first)),
        Kind::kUnsupported);
  for (const MountChange& change : mount_changes(item.options, true))
    plan_path_change(item.destination, change, list);
  return {};
}

Result<> plan_one(MountItem& item, StepList& list, MountPlan& plan) {
  TRY(check_proc(item));
  if (item.options.remount) return plan_remount(item, list);
  if (item.options.bind) return plan_bind(item, list, plan);
  if (item.options.idmap) return refuse_mount(item, "only bind mounts can be idmapped", Kind::kUnsupported);
  if (item.mount.type == "cgroup" || item.mount.type == "cgroup2") {
    auto planned = plan_cgroup_mount(item.mount, item.options, item.facts, list, plan);
    if (!planned) return std::unexpected(within(mount_words(item.mount), planned.error()));
    return {};
  }
  return plan_new_filesystem(item, list, plan);
}

}  // namespace

std::string mount_words(const Mount& mount) {
  std::string out = "mount";
  if (const std::string& source = mount.source.empty() ? mount.type : mount.source; !source.empty())
    out += cat(" ", quote(source));
  return cat(out, " on ", quote(mount.destination));
}

Failure refuse_mount(const MountItem& item, std::string_view why, Kind kind) {
  return fail(kind, cat(mount_words(item.mount), ": ", why));
}

bool late_read_only(const MountItem& item) {
  return item.options.readonly() && (item.mount.type == "tmpfs" || item.destination == "/dev");
}

Result<> plan_mounts(const Spec& spec, const MountFacts& facts, StepList& list, MountPlan& plan) {
  if (spec.mounts.empty()) return {};
  if (!facts.new_mount_namespace)
    return fail(Kind::kInvalid,
                cat(mount_words(spec.mounts.front()),
                    ": mounts need a new mount namespace, else they would appear on the host"));
  for (size_t i = 0; i < spec.mounts.size(); ++i) {
    const Mount& mount = spec.mounts[i];
    auto options = parse_mount_options(mount);
    if (!options) return std::unexpected(within(mount_words(mount), options.error()));
    MountItem item{spec, facts, mount, i, clean_path(mount.destination), std::move(*options)};
    TRY(plan_one(item, list, plan));
  }
  return {};
}

void plan_late_read_only(const MountPlan& plan, StepList& list) {
  for (const std::string& destination : plan.read_only) {
    Step& step = list.add(StepKind::kPathAttr);
    step.u0 = MOUNT_ATTR_RDONLY;
    list.s0(step, destination);
  }
}

}  // namespace shoji
