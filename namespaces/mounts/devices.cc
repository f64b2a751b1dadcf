#include "namespaces/mounts/devices.h"

#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>

#include "base/path.h"
#include "namespaces/mounts/mount_steps.h"
#include "spec/mount_options.h"

namespace shoji {
namespace {

struct Node {
  std::string path;
  mode_t type = S_IFCHR;
  int64_t major = 0, minor = 0;
  mode_t permissions = 0666;
  uint32_t uid = 0, gid = 0;
  bool configured = false;  // by the user, not one of the defaults
};

struct DefaultDevice {
  std::string_view path;
  int64_t major, minor;
};

constexpr DefaultDevice kDefaults[] = {
    {"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
    {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
};

struct Link {
  std::string_view path, target;
  bool replace = false;
};

// config-linux.md "Default Devices", "/dev symbolic links" (runtime-linux.md). An image's own /dev/ptmx would
// open a terminal of the host's devpts.
constexpr Link kLinks[] = {
    {"/dev/fd", "/proc/self/fd"},       {"/dev/stdin", "/proc/self/fd/0"}, {"/dev/stdout", "/proc/self/fd/1"},
    {"/dev/stderr", "/proc/self/fd/2"}, {"/dev/core", "/proc/kcore"},      {"/dev/ptmx", "pts/ptmx", true},
};

bool dev_is_the_hosts(const Spec& spec) {
  return std::ranges::any_of(spec.mounts, [](const Mount& mount) {
    if (clean_path(mount.destination) != "/dev") return false;
    auto options = parse_mount_options(mount);
    return options && options->bind;
  });
}

mode_t node_type(std::string_view type) {
  if (type == "b") return S_IFBLK;
  return type == "p" ? S_IFIFO : S_IFCHR;  // "c" and "u"
}

Node configured_node(const Device& device) {
  Node node;
  node.path = clean_path(device.path);
  node.type = node_type(device.type);
  if (node.type != S_IFIFO) {
    node.major = device.major;
    node.minor = device.minor;
  }
  if (device.file_mode) node.permissions = static_cast<mode_t>(*device.file_mode & 07777);
  node.uid = device.uid.value_or(0);
  node.gid = device.gid.value_or(0);
  node.configured = true;
  return node;
}

// The configuration's own entries win over the defaults of the same path.
std::vector<Node> wanted_nodes(const Spec& spec) {
  std::vector<Node> nodes;
  for (const Device& device : spec.linux.devices) {
    Node node = configured_node(device);
    if (node.path != "/dev/ptmx")
      nodes.push_back(std::move(node));  // always the link into the container's devpts
  }
  const size_t configured = nodes.size();
  for (const auto& row : kDefaults) {
    auto end = nodes.begin() + static_cast<std::ptrdiff_t>(configured);
    if (std::find_if(nodes.begin(), end, [&](const Node& node) { return node.path == row.path; }) != end)
      continue;
    Node node;
    node.path = row.path;
    node.major = row.major;
    node.minor = row.minor;
    nodes.push_back(std::move(node));
  }
  return nodes;
}

void plan_mknod(const Node& node, StepList& list) {
  Step& step = list.add(StepKind::kMknod);
  step.u0 = node.type | node.permissions;
  step.u1 = makedev(static_cast<unsigned>(node.major), static_cast<unsigned>(node.minor));
  step.u2 = static_cast<uint64_t>(node.uid) << 32 | node.gid;
  list.s0(step, node.path);
}

// The host's node stands in for a new one only if it is the same device: the path alone proves nothing.
Result<> plan_bound_node(const Node& node, StepList& list, std::vector<std::string>& warnings) {
  struct stat st{};
  if (stat(node.path.c_str(), &st) != 0) return fail_errno(errno, cat("create device ", quote(node.path)));
  const dev_t wanted = makedev(static_cast<unsigned>(node.major), static_cast<unsigned>(node.minor));
  if ((st.st_mode & S_IFMT) != node.type || st.st_rdev != wanted)
    return fail(Kind::kUnsupported,
                cat("create device ", quote(node.path), ": mknod is not permitted here, and the host's ",
                    quote(node.path), " is not device ", node.major, ":", node.minor));
  if (node.configured &&
      ((st.st_mode & 07777) != node.permissions || st.st_uid != node.uid || st.st_gid != node.gid))
    warnings.push_back(
        cat("device ", quote(node.path),
            " is the host's node: it keeps the host's owner and mode, not those of the configuration"));
  const int32_t slot = list.slot();
  Step& open = list.add(StepKind::kOpenTree);
  open.a = slot;
  open.flags = OPEN_TREE_CLONE;
  list.s0(open, node.path);
  plan_attach(slot, {.destination = node.path, .file = true}, list);
  return {};
}

void plan_links(const MountFacts& facts, StepList& list) {
  for (const auto& link : kLinks) {
    if (link.path == "/dev/core" && !facts.kcore) continue;
    Step& step = list.add(StepKind::kSymlink);
    if (link.replace) step.flags = kSymlinkReplace;
    list.s0(step, link.target);
    list.s1(step, link.path);
  }
}

}  // namespace

Result<> plan_devices(const Spec& spec, const MountFacts& facts, StepList& list,
                      std::vector<std::string>& warnings) {
  if (dev_is_the_hosts(spec)) return {};
  const bool can_mknod = facts.can_mknod && !facts.user_namespace && !facts.runtime_in_user_namespace;
  for (const Node& node : wanted_nodes(spec)) {
    if (can_mknod || node.type == S_IFIFO) {
      plan_mknod(node, list);
    } else {
      TRY(plan_bound_node(node, list, warnings));
    }
  }
  plan_links(facts, list);
  return {};
}

}  // namespace shoji
