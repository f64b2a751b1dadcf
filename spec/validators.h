#pragma once
// The checks of spec/validate.cc, by section.
#include <string_view>

#include "base/error.h"
#include "spec/spec.h"

namespace shoji::validators {

inline Failure invalid(std::string_view pointer, std::string_view why) {
  return fail(Kind::kInvalid, cat(pointer, ": ", why));
}

inline bool is_absolute(std::string_view path) {
  return path.starts_with('/');
}

// Does the container have a namespace of this type that is not the runtime's own, new or joined?
bool has_namespace(const Spec& spec, std::string_view type);
// Is one of this type to be made?
bool makes_namespace(const Spec& spec, std::string_view type);

// validate_mounts.cc
Result<> mounts(const Spec& spec);

// validate_linux.cc
Result<> namespaces(const Spec& spec);
Result<> id_mappings(const Spec& spec);
Result<> time_offsets(const Spec& spec);
Result<> devices(const Spec& spec);
Result<> net_devices(const Spec& spec);
Result<> cgroups_path(const Spec& spec);
Result<> sysctl(const Spec& spec);
Result<> hidden_paths(const Spec& spec);
Result<> seccomp(const Spec& spec);
Result<> personality(const Spec& spec);
Result<> memory_policy(const Spec& spec);
Result<> check_mappings(std::string_view pointer, const std::vector<IdMapping>& mappings);

}  // namespace shoji::validators
