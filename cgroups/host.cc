#include "cgroups/host.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>

#include "base/io.h"

namespace shoji {
namespace {

struct ControllerNames {
  std::string_view v1, v2;  // empty: that version does not have it
};

// Indexed by Controller. In v2, devices are BPF programs and the freezer is part of the core.
constexpr std::array<ControllerNames, static_cast<size_t>(Controller::kCount)> kNames = {{
    {"cpu", "cpu"},
    {"cpuacct", ""},
    {"cpuset", "cpuset"},
    {"memory", "memory"},
    {"blkio", "io"},
    {"pids", "pids"},
    {"hugetlb", "hugetlb"},
    {"rdma", "rdma"},
    {"devices", ""},
    {"freezer", ""},
    {"net_cls", ""},
    {"net_prio", ""},
    {"perf_event", ""},
    {"misc", "misc"},
}};

constexpr std::string_view kMountPoint = "/sys/fs/cgroup";

// Calls visit(word) for every word of `text` between `separator`s.
template <typename Visit>
void for_each_word(std::string_view text, char separator, Visit visit) {
  while (!text.empty()) {
    size_t end = std::min(text.find(separator), text.size());
    if (end > 0) visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

ControllerSet parse_list(std::string_view list, char separator, std::string_view ControllerNames::* version) {
  ControllerSet set;
  for_each_word(list, separator, [&](std::string_view word) {
    for (size_t i = 0; i < kNames.size(); ++i) {
      if (kNames[i].*version == word) set.add(static_cast<Controller>(i));
    }
  });
  return set;
}

// Space, tab, newline and backslash are octal escapes in mountinfo (proc_pid_mountinfo(5)).
std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// The super options of a v1 mount are its controllers and its name, among mount flags.
std::string legacy_name(std::string_view super_options, ControllerSet& controllers) {
  std::string name;
  for_each_word(super_options, ',', [&](std::string_view option) {
    ControllerSet one = parse_list(option, ',', &ControllerNames::v1);
    if (one.empty() && !option.starts_with("name=")) return;
    if (!name.empty()) name += ',';
    name += option;
  });
  controllers = parse_list(super_options, ',', &ControllerNames::v1);
  return name;
}

// One line of mountinfo: ID PARENT DEV ROOT MOUNTPOINT OPTIONS [TAGS...] - TYPE SOURCE SUPEROPTIONS
std::optional<Hierarchy> parse_mount(std::string_view line) {
  size_t dash = line.find(" - cgroup");
  if (dash == std::string_view::npos) return {};
  std::vector<std::string_view> head, tail;
  for_each_word(line.substr(0, dash), ' ', [&](std::string_view word) { head.push_back(word); });
  for_each_word(line.substr(dash + 3), ' ', [&](std::string_view word) { tail.push_back(word); });
  if (head.size() < 5 || tail.size() < 3) return {};
  Hierarchy found{.mount = unescape(head[4]), .root = unescape(head[3]), .controllers = {}, .name = {}};
  found.unified = tail[0] == "cgroup2";
  if (found.unified) return found;
  found.name = legacy_name(tail[2], found.controllers);
  // A named hierarchy without controllers only groups processes. systemd's is joined, so that it counts the
  // processes where they are; others are somebody's private matter.
  if (found.controllers.empty() && found.name != "name=systemd") return {};
  return found;
}

// The same hierarchy may be mounted several times (for containers, for chroots): the usual place wins, then a
// mount of the whole hierarchy.
int rank(const Hierarchy& hierarchy) {
  bool usual = hierarchy.mount.starts_with(kMountPoint);
  return (usual ? 2 : 0) + (hierarchy.root == "/" ? 1 : 0);
}

void keep_better(std::vector<Hierarchy>& list, Hierarchy found) {
  for (Hierarchy& known : list) {
    if (known.unified != found.unified || known.name != found.name) continue;
    if (rank(found) > rank(known)) known = std::move(found);
    return;
  }
  list.push_back(std::move(found));
}

Result<CgroupHost> from_mountinfo(const std::string& root) {
  CgroupHost host{.mode = CgroupHost::Mode::kLegacy, .hierarchies = {}, .fixture_root = root};
  TRY_ASSIGN(std::string mounts, read_file(root + "/proc/self/mountinfo"));
  for_each_word(mounts, '\n', [&](std::string_view line) {
    if (auto found = parse_mount(line)) keep_better(host.hierarchies, std::move(*found));
  });
  if (host.hierarchies.empty()) {
    return fail(Kind::kUnsupported,
                cat("no cgroup hierarchy is mounted (usually on ", quote(kMountPoint), ")"));
  }
  std::ranges::stable_partition(host.hierarchies, &Hierarchy::unified);
  if (host.hierarchies.front().unified) {
    host.mode = host.hierarchies.size() == 1 ? CgroupHost::Mode::kUnified : CgroupHost::Mode::kHybrid;
  }
  for (Hierarchy& hierarchy : host.hierarchies) hierarchy.mount.insert(0, root);
  return host;
}

}  // namespace

std::string_view controller_name(Controller controller, bool unified) {
  const ControllerNames& names = kNames[static_cast<size_t>(controller)];
  return unified && !names.v2.empty() ? names.v2 : names.v1;
}

ControllerSet parse_controllers(std::string_view list) {
  return parse_list(list, ' ', &ControllerNames::v2);
}

Result<CgroupHost> CgroupHost::detect() {
  struct statfs info{};
  std::string mount(kMountPoint);
  if (statfs(mount.c_str(), &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC) {
    CgroupHost host;
    host.hierarchies.push_back({.mount = mount, .unified = true, .controllers = {}, .name = {}});
    return host;
  }
  return from_mountinfo("");
}

Result<CgroupHost> CgroupHost::detect_at(const std::string& root) {
  return from_mountinfo(root);
}

const Hierarchy* CgroupHost::unified() const {
  return !hierarchies.empty() && hierarchies.front().unified ? &hierarchies.front() : nullptr;
}

const Hierarchy* CgroupHost::legacy(Controller controller) const {
  auto found = std::ranges::find_if(hierarchies, [&](const Hierarchy& hierarchy) {
    return !hierarchy.unified && hierarchy.controllers.has(controller);
  });
  return found == hierarchies.end() ? nullptr : &*found;
}

}  // namespace shoji
