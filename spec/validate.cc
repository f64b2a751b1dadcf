#include "spec/validate.h"

#include <algorithm>
#include <charconv>

#include "spec/names.h"
#include "spec/validators.h"

namespace shoji {

namespace validators {

bool has_namespace(const Spec& spec, std::string_view type) {
  return std::ranges::find(spec.linux.namespaces, type, &Namespace::type) != spec.linux.namespaces.end();
}

bool makes_namespace(const Spec& spec, std::string_view type) {
  return std::ranges::any_of(spec.linux.namespaces,
                             [&](const Namespace& each) { return each.type == type && each.path.empty(); });
}

namespace {

// semver.org: MAJOR.MINOR.PATCH, then -prerelease and +build. Minor versions add properties, and config.md
// has unknown ones ignored, so that every 1.x can be read.
Result<> oci_version(const Spec& spec) {
  std::string_view rest = spec.oci_version;
  rest = rest.substr(0, rest.find_first_of("-+"));
  uint32_t parts[3] = {};
  const char* at = rest.data();
  const char* end = at + rest.size();
  for (int i = 0; i < 3; ++i) {
    auto [next, problem] = std::from_chars(at, end, parts[i]);
    bool last = i == 2;
    if (problem != std::errc() || (last ? next != end : next == end || *next != '.')) {
      return invalid("/ociVersion",
                     cat(quote(spec.oci_version), " is not a version like \"", kOciVersion, '"'));
    }
    at = next + 1;
  }
  if (parts[0] != 1) {
    return fail(Kind::kUnsupported, cat("/ociVersion: ", quote(spec.oci_version),
                                        ": only versions 1.x of the specification are supported"));
  }
  return {};
}

Result<> root(const Spec& spec) {
  if (spec.root.path.empty()) return invalid("/root/path", "missing");
  return {};
}

// sethostname(2): up to 64 bytes (__NEW_UTS_LEN).
Result<> host_names(const Spec& spec) {
  for (auto [pointer, name] : {std::pair{"/hostname", &spec.hostname}, {"/domainname", &spec.domainname}}) {
    if (name->empty()) continue;
    if (name->size() > 64) return invalid(pointer, cat(quote(*name), " is longer than 64 bytes"));
    if (!has_namespace(spec, "uts"))
      return invalid(pointer, "cannot be set without a namespace of type \"uts\"");
  }
  return {};
}

Result<> hook_list(std::string_view name, const std::vector<Hook>& hooks) {
  for (size_t i = 0; i < hooks.size(); ++i) {
    std::string pointer = cat("/hooks/", name, '/', i);
    if (!is_absolute(hooks[i].path)) {
      return invalid(cat(pointer, "/path"), cat(quote(hooks[i].path), " is not an absolute path"));
    }
    if (hooks[i].timeout && *hooks[i].timeout <= 0) {
      return invalid(cat(pointer, "/timeout"), cat(*hooks[i].timeout, " is not greater than 0"));
    }
  }
  return {};
}

Result<> hooks(const Spec& spec) {
  TRY(hook_list("prestart", spec.hooks.prestart));
  TRY(hook_list("createRuntime", spec.hooks.create_runtime));
  TRY(hook_list("createContainer", spec.hooks.create_container));
  TRY(hook_list("startContainer", spec.hooks.start_container));
  TRY(hook_list("poststart", spec.hooks.poststart));
  return hook_list("poststop", spec.hooks.poststop);
}

Result<> process(const Spec& spec) {
  // lifecycle.md lets `create` do without a process; runc, and so every engine, wants one.
  if (!spec.process) return invalid("/process", "missing");
  return validate_process(*spec.process);
}

Result<> resources(const Spec& spec) {
  return validate_resources(spec.linux.resources);
}

}  // namespace
}  // namespace validators

namespace {

struct Validator {
  std::string_view name;
  Result<> (*check)(const Spec& spec);
};

// In the order in which a reader of the document meets the properties.
constexpr Validator kValidators[] = {
    {"ociVersion", validators::oci_version},
    {"root", validators::root},
    {"mounts", validators::mounts},
    {"process", validators::process},
    {"hostname", validators::host_names},
    {"hooks", validators::hooks},
    {"namespaces", validators::namespaces},
    {"mappings", validators::id_mappings},
    {"timeOffsets", validators::time_offsets},
    {"devices", validators::devices},
    {"netDevices", validators::net_devices},
    {"cgroupsPath", validators::cgroups_path},
    {"resources", validators::resources},
    {"sysctl", validators::sysctl},
    {"maskedPaths", validators::hidden_paths},
    {"seccomp", validators::seccomp},
    {"personality", validators::personality},
    {"memoryPolicy", validators::memory_policy},
};

}  // namespace

Result<> validate(const Spec& spec) {
  for (const Validator& validator : kValidators) TRY(validator.check(spec));
  return {};
}

std::vector<std::string> spec_warnings(const Spec& spec) {
  std::vector<std::string> out;
  for (size_t i = 0; i < spec.mounts.size(); ++i) {
    const std::string& destination = spec.mounts[i].destination;
    if (validators::is_absolute(destination)) continue;
    out.push_back(cat("/mounts/", i, "/destination: ", quote(destination),
                      " is not absolute, it is taken below \"/\""));
  }
  if (!spec.process) return out;
  if (!spec.process->user.username.empty()) {
    out.emplace_back("/process/user/username: ignored, on Linux the user is uid and gid");
  }
  if (!spec.process->capabilities) return out;
  const Capabilities& sets = *spec.process->capabilities;
  for (const auto* set :
       {&sets.bounding, &sets.permitted, &sets.effective, &sets.inheritable, &sets.ambient}) {
    for (const std::string& name : *set) {
      if (find_number(capabilities(), name)) continue;
      std::string warning = cat("/process/capabilities: ", quote(name), " is unknown and ignored");
      if (std::ranges::find(out, warning) == out.end()) out.push_back(std::move(warning));
    }
  }
  return out;
}

}  // namespace shoji
