#include "namespaces/mounts/cgroup_mount.h"

#include <linux/mount.h>

#include <algorithm>
#include <string_view>

#include "base/path.h"

namespace shoji {
namespace {

constexpr uint64_t kSafeAttributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

// "name=systemd" is one option with a value, "cpu,cpuacct" are two without (cgroups(7) "Mounting v1
// controllers").
std::vector<std::string> legacy_options(std::string_view name) {
  if (size_t equal = name.find('='); equal != std::string_view::npos)
    return {std::string(name.substr(0, equal)), std::string(name.substr(equal + 1))};
  std::vector<std::string> out;
  while (!name.empty()) {
    size_t comma = name.find(',');
    out.emplace_back(name.substr(0, comma));
    out.emplace_back();
    name.remove_prefix(comma == std::string_view::npos ? name.size() : comma + 1);
  }
  return out;
}

struct Hierarchy {
  const CgroupMount& cgroup;
  std::string destination;
  uint64_t attributes = 0;
  std::vector<MountChange> propagation;
  std::vector<std::string> data;  // options of the user, for the unified tree
};

// In a user namespace a new mount can be refused (a masked /sys/fs/cgroup outside): then the own directory is
// bound.
void plan_new(const Hierarchy& hierarchy, const MountFacts& facts, StepList& list) {
  const CgroupMount& cgroup = hierarchy.cgroup;
  const int32_t slot = list.slot();
  const bool refusable = facts.user_namespace || facts.runtime_in_user_namespace;
  Step& make = list.add(StepKind::kNewMount);
  make.a = slot;
  make.u0 = hierarchy.attributes;
  if (refusable) make.on_error = OnError::kNextIfRefused;
  list.s0(make, cgroup.name.empty() ? "cgroup2" : "cgroup");
  list.s1(make, cgroup.name == "name=systemd" ? "systemd" : "cgroup");
  std::vector<std::string> data = cgroup.name.empty() ? hierarchy.data : legacy_options(cgroup.name);
  if (!data.empty()) list.v0(make, data);
  if (refusable) {
    Step& bind = list.add(StepKind::kOpenTree);
    bind.a = slot;
    bind.flags = OPEN_TREE_CLONE;
    list.s0(bind, cgroup.directory);
    plan_changes(slot, {{.set = hierarchy.attributes}}, list);
  }
  plan_changes(slot, hierarchy.propagation, list);
  plan_attach(slot, {.destination = hierarchy.destination}, list);
}

void plan_bind(const Hierarchy& hierarchy, const MountFacts& facts, StepList& list, MountPlan& plan) {
  TreeSource tree;
  tree.path = hierarchy.cgroup.directory;
  tree.destination = hierarchy.destination;
  if (hierarchy.attributes != 0) tree.changes.push_back({.set = hierarchy.attributes});
  tree.changes.insert(tree.changes.end(), hierarchy.propagation.begin(), hierarchy.propagation.end());
  const int32_t slot = plan_tree(tree, facts, list, plan);
  plan_attach(slot, {.destination = hierarchy.destination, .source = hierarchy.cgroup.directory}, list);
}

void plan_hierarchy(const Hierarchy& hierarchy, const MountFacts& facts, StepList& list, MountPlan& plan) {
  if (facts.new_cgroup_namespace) {
    plan_new(hierarchy, facts, list);
  } else if (!hierarchy.cgroup.directory.empty()) {
    plan_bind(hierarchy, facts, list, plan);
  }
}

void plan_tmpfs(const std::string& destination, const std::vector<MountChange>& propagation, StepList& list) {
  const int32_t slot = list.slot();
  Step& make = list.add(StepKind::kNewMount);
  make.a = slot;
  make.u0 = kSafeAttributes;
  list.s0(make, "tmpfs");
  list.s1(make, "tmpfs");
  const std::string mode[] = {"mode", "755"};
  list.v0(make, mode);
  plan_changes(slot, propagation, list);
  plan_attach(slot, {.destination = destination}, list);
}

// cpu -> cpu,cpuacct
void plan_links(const CgroupMount& cgroup, const std::string& destination, StepList& list) {
  std::string_view directory = base_name(cgroup.mount);
  for (std::string_view rest = directory; directory.contains(',') && !rest.empty();) {
    size_t comma = rest.find(',');
    Step& link = list.add(StepKind::kSymlink);
    list.s0(link, directory);
    list.s1(link, cat(destination, "/", rest.substr(0, comma)));
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
}

}  // namespace

Result<> plan_cgroup_mount(const Mount& mount, const ParsedMountOptions& options, const MountFacts& facts,
                           StepList& list, MountPlan& plan) {
  const std::string destination = clean_path(mount.destination);
  const auto& cgroups = facts.cgroups;
  const bool legacy =
      std::ranges::any_of(cgroups, [](const CgroupMount& cgroup) { return !cgroup.name.empty(); });
  const std::vector<MountChange> propagation = mount_changes(options, false);
  const uint64_t attributes = options.attr_set | options.rec_attr_set;

  if (!legacy || mount.type == "cgroup2") {
    if (cgroups.empty() || !cgroups.front().name.empty())
      return fail(Kind::kUnsupported, "this host has no cgroup v2 hierarchy mounted");
    Hierarchy unified{cgroups.front(), destination, attributes, propagation, {}};
    for (const auto& [key, value] : options.data) {
      unified.data.push_back(key);
      unified.data.push_back(value);
    }
    if (!facts.new_cgroup_namespace && unified.cgroup.directory.empty())
      return fail(Kind::kUnsupported, "the container has no cgroup of its own in the v2 hierarchy");
    plan_hierarchy(unified, facts, list, plan);
    return {};
  }

  plan_tmpfs(destination, propagation, list);
  for (const CgroupMount& cgroup : cgroups) {
    std::string below = cat(destination == "/" ? "" : destination, "/", base_name(cgroup.mount));
    plan_hierarchy({cgroup, below, attributes | kSafeAttributes, propagation, {}}, facts, list, plan);
    plan_links(cgroup, destination, list);
  }
  if (options.readonly()) {
    Step& step = list.add(StepKind::kPathAttr);
    step.u0 = MOUNT_ATTR_RDONLY;
    list.s0(step, destination);
  }
  return {};
}

}  // namespace shoji
