// Checks of the `linux` section (config-linux.md) but for resources.
#include <algorithm>
#include <array>

#include "spec/cpu_list.h"
#include "spec/names.h"
#include "spec/sysctl_name.h"
#include "spec/validators.h"

namespace shoji::validators {

Result<> namespaces(const Spec& spec) {
  const std::vector<Namespace>& all = spec.linux.namespaces;
  int64_t seen = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    std::string pointer = cat("/linux/namespaces/", i);
    std::optional<int64_t> flag = find_number(namespace_types(), all[i].type);
    if (!flag) {
      return invalid(cat(pointer, "/type"),
                     cat(quote(all[i].type), " is not one of ", list_names(namespace_types())));
    }
    if ((seen & *flag) != 0) return invalid(pointer, cat("the type ", quote(all[i].type), " is there twice"));
    seen |= *flag;
    if (!all[i].path.empty() && !is_absolute(all[i].path)) {
      return invalid(cat(pointer, "/path"), cat(quote(all[i].path), " is not an absolute path"));
    }
  }
  return {};
}

// user_namespaces(7): at most 340 lines, and no identifier twice on either side.
Result<> check_mappings(std::string_view pointer, const std::vector<IdMapping>& mappings) {
  constexpr uint64_t kAll = uint64_t{1} << 32;
  if (mappings.size() > 340) return invalid(pointer, "more than 340 entries");
  for (size_t i = 0; i < mappings.size(); ++i) {
    const IdMapping& a = mappings[i];
    if (a.size == 0) return invalid(cat(pointer, '/', i, "/size"), "is 0");
    if (uint64_t{a.container_id} + a.size > kAll || uint64_t{a.host_id} + a.size > kAll) {
      return invalid(cat(pointer, '/', i), "the range ends beyond 4294967295");
    }
    for (size_t k = 0; k < i; ++k) {
      const IdMapping& b = mappings[k];
      auto overlap = [&](uint64_t first, uint64_t second) {
        return first < second + b.size && second < first + a.size;
      };
      if (overlap(a.container_id, b.container_id) || overlap(a.host_id, b.host_id)) {
        return invalid(cat(pointer, '/', i), cat("the range overlaps entry ", k));
      }
    }
  }
  return {};
}

Result<> id_mappings(const Spec& spec) {
  for (auto [pointer, mappings] : {std::pair{"/linux/uidMappings", &spec.linux.uid_mappings},
                                   {"/linux/gidMappings", &spec.linux.gid_mappings}}) {
    TRY(check_mappings(pointer, *mappings));
    if (!mappings->empty() && !has_namespace(spec, "user")) {
      return invalid(pointer, "cannot be set without a namespace of type \"user\"");
    }
    if (mappings->empty() && makes_namespace(spec, "user")) {
      return invalid(pointer, "missing, a new user namespace needs it");
    }
  }
  return {};
}

Result<> time_offsets(const Spec& spec) {
  for (auto [name, offset] :
       {std::pair{"monotonic", &spec.linux.monotonic_offset}, {"boottime", &spec.linux.boottime_offset}}) {
    if (!*offset) continue;
    // time_namespaces(7): offsets can be written until the first process enters, and never afterwards.
    if (!makes_namespace(spec, "time")) {
      return invalid("/linux/timeOffsets", "cannot be set without a new namespace of type \"time\"");
    }
    if ((*offset)->nanosecs > 999'999'999) {
      return invalid(cat("/linux/timeOffsets/", name, "/nanosecs"), "greater than 999999999");
    }
  }
  return {};
}

Result<> devices(const Spec& spec) {
  for (size_t i = 0; i < spec.linux.devices.size(); ++i) {
    const Device& device = spec.linux.devices[i];
    if (!is_absolute(device.path)) {
      return invalid(cat("/linux/devices/", i, "/path"), cat(quote(device.path), " is not an absolute path"));
    }
    // makedev(3): 12 bits of major and 20 of minor, as the kernel keeps them.
    if (device.type != "p" &&
        (device.major < 0 || device.major > 4095 || device.minor < 0 || device.minor > 1048575)) {
      return invalid(cat("/linux/devices/", i), cat(device.major, ":", device.minor, " is no device number"));
    }
  }
  return {};
}

namespace {

// dev_valid_name() of the kernel.
bool is_device_name(std::string_view name) {
  constexpr size_t kLimit = 15;  // IFNAMSIZ and its NUL
  constexpr std::string_view kForbidden = "/: \t\n\v\f\r";
  return !name.empty() && name.size() <= kLimit && name != "." && name != ".." &&
         name.find_first_of(kForbidden) == std::string_view::npos;
}

// "unless the user has provided a template by appending %d to the new name": the kernel takes one, and nothing else
// behind a percent sign.
bool is_template(std::string_view name) {
  size_t percent = name.find('%');
  return percent != std::string_view::npos && name.substr(percent).starts_with("%d") &&
         name.find('%', percent + 1) == std::string_view::npos;
}

}  // namespace

Result<> net_devices(const Spec& spec) {
  const std::vector<NetDevice>& all = spec.linux.net_devices;
  if (!all.empty() && !has_namespace(spec, "network"))
    return invalid("/linux/netDevices", "cannot be set without a namespace of type \"network\"");
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string& there = all[i].new_name.empty() ? all[i].name : all[i].new_name;
    std::string pointer = cat("/linux/netDevices/", all[i].name);
    if (!is_device_name(all[i].name))
      return invalid("/linux/netDevices", cat(quote(all[i].name), " is no network device's name"));
    if (!is_device_name(there) || (there.contains('%') && !is_template(there)))
      return invalid(cat(pointer, "/name"), cat(quote(there), " is no network device's name"));
    if (is_template(there)) continue;
    for (size_t k = 0; k < i; ++k)
      if ((all[k].new_name.empty() ? all[k].name : all[k].new_name) == there)
        return invalid(pointer, cat("it would be called ", quote(there), " in the container, as ",
                                    quote(all[k].name), " is"));
  }
  return {};
}

Result<> cgroups_path(const Spec& spec) {
  std::string_view path = spec.linux.cgroups_path;
  for (std::string_view rest = path; !rest.empty();) {
    size_t slash = rest.find('/');
    if (rest.substr(0, slash) == "..")
      return invalid("/linux/cgroupsPath", cat(quote(path), " has a \"..\""));
    rest.remove_prefix(slash == rest.npos ? rest.size() : slash + 1);
  }
  return {};
}

namespace {

// ipc_namespaces(7), without the POSIX queues' directory fs.mqueue.
constexpr std::array<std::string_view, 8> kIpcSysctls = {
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
    "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"};

// Which namespace keeps a sysctl from being the host's; empty: none.
std::string_view sysctl_namespace(std::string_view name) {
  if (std::ranges::find(kIpcSysctls, name) != kIpcSysctls.end() || name.starts_with("fs.mqueue."))
    return "ipc";
  if (name.starts_with("net.")) return "network";
  if (name == "kernel.domainname") return "uts";
  return {};
}

// The name becomes a path below /proc/sys.
bool is_plain_path(std::string_view path) {
  while (true) {
    size_t slash = path.find('/');
    std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == path.npos) return true;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

Result<> sysctl(const Spec& spec) {
  for (const auto& [key, value] : spec.linux.sysctl) {
    std::string name = sysctl_dots(key);
    std::string pointer = "/linux/sysctl";
    if (!is_plain_path(sysctl_path(key))) return invalid(pointer, cat(quote(key), " is no sysctl's name"));
    if (name == "kernel.hostname")
      return invalid(pointer, cat(quote(key), ": the property hostname sets it"));
    std::string_view type = sysctl_namespace(name);
    if (type.empty())
      return invalid(pointer, cat(quote(key), " belongs to the whole host and cannot be set"));
    if (!has_namespace(spec, type)) {
      return invalid(pointer, cat(quote(key), " cannot be set without a namespace of type ", quote(type)));
    }
  }
  return {};
}

Result<> hidden_paths(const Spec& spec) {
  for (auto [pointer, paths] : {std::pair{"/linux/maskedPaths", &spec.linux.masked_paths},
                                {"/linux/readonlyPaths", &spec.linux.readonly_paths}}) {
    if (!paths->empty() && !has_namespace(spec, "mount")) {
      return invalid(pointer, "cannot be set without a namespace of type \"mount\"");
    }
    for (size_t i = 0; i < paths->size(); ++i) {
      if (is_absolute((*paths)[i])) continue;
      return invalid(cat(pointer, '/', i), cat(quote((*paths)[i]), " is not an absolute path"));
    }
  }
  return {};
}

namespace {

// config-linux.md: "If the action does not support errnoRet, the runtime MUST print an error and fail". The
// kernel returns at most MAX_ERRNO.
Result<> errno_ret(std::string_view pointer, std::string_view action, const std::optional<uint32_t>& value) {
  if (!value) return {};
  if (action != "SCMP_ACT_ERRNO" && action != "SCMP_ACT_TRACE") {
    return invalid(pointer,
                   cat("has no meaning for ", action, ", only for SCMP_ACT_ERRNO and SCMP_ACT_TRACE"));
  }
  uint32_t greatest = action == "SCMP_ACT_ERRNO" ? 4095 : 65535;
  if (*value > greatest) return invalid(pointer, cat(*value, " is greater than ", greatest));
  return {};
}

Result<> seccomp_rule(std::string_view pointer, const SeccompSyscall& rule) {
  if (rule.names.empty()) return invalid(cat(pointer, "/names"), "empty");
  for (size_t i = 0; i < rule.names.size(); ++i) {
    if (rule.names[i].empty()) return invalid(cat(pointer, "/names/", i), "empty");
  }
  TRY(errno_ret(cat(pointer, "/errnoRet"), rule.action, rule.errno_ret));
  for (size_t i = 0; i < rule.args.size(); ++i) {
    if (rule.args[i].index <= 5) continue;
    return invalid(cat(pointer, "/args/", i, "/index"),
                   cat(rule.args[i].index, ": system calls have six arguments, 0 to 5"));
  }
  return {};
}

}  // namespace

Result<> seccomp(const Spec& spec) {
  if (!spec.linux.seccomp) return {};
  const Seccomp& filter = *spec.linux.seccomp;
  TRY(errno_ret("/linux/seccomp/defaultErrnoRet", filter.default_action, filter.default_errno_ret));
  for (size_t i = 0; i < filter.syscalls.size(); ++i) {
    TRY(seccomp_rule(cat("/linux/seccomp/syscalls/", i), filter.syscalls[i]));
  }
  return {};
}

Result<> personality(const Spec& spec) {
  // config-linux.md: "Currently no flag values are supported".
  if (spec.linux.personality && !spec.linux.personality->flags.empty()) {
    return invalid("/linux/personality/flags", "the specification defines no flag");
  }
  return {};
}

// set_mempolicy(2): MPOL_DEFAULT and MPOL_LOCAL take no nodes; MPOL_PREFERRED may do without, the others may
// not.
Result<> memory_policy(const Spec& spec) {
  if (!spec.linux.memory_policy) return {};
  const MemoryPolicy& policy = *spec.linux.memory_policy;
  auto mask = parse_cpu_list(policy.nodes);
  if (!mask) return std::unexpected(within("/linux/memoryPolicy/nodes", std::move(mask).error()));
  bool none = policy.mode == "MPOL_DEFAULT" || policy.mode == "MPOL_LOCAL";
  if (none && !mask->empty())
    return invalid("/linux/memoryPolicy/nodes", cat("has no meaning for ", policy.mode));
  if (!none && policy.mode != "MPOL_PREFERRED" && mask->empty()) {
    return invalid("/linux/memoryPolicy/nodes", cat("missing, ", policy.mode, " needs it"));
  }
  return {};
}

}  // namespace shoji::validators
