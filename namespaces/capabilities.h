#pragma once
// Capability sets: capabilities(7), config.md "process.capabilities".
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "spec/spec.h"

namespace shoji {

// The number of "CAP_CHOWN" (any case, with or without the prefix); empty for an unknown name.
std::optional<unsigned> capability_number(std::string_view name);
// "CAP_CHOWN" of 0; "" beyond the last one known.
std::string_view capability_name(unsigned number);

// One bit per capability, as capset(2) takes them.
struct CapabilityMasks {
  uint64_t bounding = 0, permitted = 0, effective = 0, inheritable = 0, ambient = 0;
  // Of the ambient ones: those that the kernel will refuse, because they are not permitted and inheritable.
  uint64_t ambient_ignored = 0;
  std::vector<std::string> warnings;  // names that this program or the host's kernel does not know
};

struct CapabilityFacts {
  int last_cap = 40;  // /proc/sys/kernel/cap_last_cap
  // What the program can be given: the runtime's bounding set, or everything in a user namespace.
  uint64_t available = ~0ULL;
};

// As runc: an absent object means no capability at all, unknown names are warnings. A capability that the
// runtime itself does not have is an error that names it: the kernel would only say EPERM.
Result<CapabilityMasks> plan_capabilities(const std::optional<Capabilities>& wanted,
                                          const CapabilityFacts& facts);

}  // namespace shoji
