#include "namespaces/capabilities.h"

#include <algorithm>
#include <array>

namespace shoji {
namespace {

// <linux/capability.h>, in its order.
constexpr std::string_view kNames[] = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

struct Reader {
  const CapabilityFacts& facts;
  std::vector<std::string>& warnings;

  uint64_t mask(const std::vector<std::string>& names) {
    uint64_t out = 0;
    for (const std::string& name : names) {
      auto number = capability_number(name);
      if (number && static_cast<int>(*number) <= facts.last_cap) {
        out |= 1ULL << *number;
      } else {
        warn(cat("capability ", quote(name), number ? " is not known to this kernel" : " is not known",
                 ", ignored"));
      }
    }
    return out;
  }

  void warn(std::string text) {
    if (std::ranges::find(warnings, text) == warnings.end()) warnings.push_back(std::move(text));
  }
};

// The names of the lowest missing bit is enough for the user to act on.
Failure missing(uint64_t bits) {
  return fail(Kind::kUnsupported,
              cat("capability ", capability_name(static_cast<unsigned>(__builtin_ctzll(bits))),
                  " cannot be given: the runtime does not have it"));
}

}  // namespace

std::optional<unsigned> capability_number(std::string_view name) {
  std::string wanted = upper(name);
  if (!wanted.starts_with("CAP_")) wanted.insert(0, "CAP_");
  const auto* row = std::ranges::find(kNames, wanted);
  if (row == std::end(kNames)) return std::nullopt;
  return static_cast<unsigned>(row - std::begin(kNames));
}

std::string_view capability_name(unsigned number) {
  return number < std::size(kNames) ? kNames[number] : std::string_view();
}

std::vector<std::string_view> known_capabilities() {
  return {std::begin(kNames), std::end(kNames)};
}

Result<CapabilityMasks> plan_capabilities(const std::optional<Capabilities>& wanted,
                                          const CapabilityFacts& facts) {
  CapabilityMasks masks;
  if (!wanted) return masks;
  Reader reader{facts, masks.warnings};
  masks.bounding = reader.mask(wanted->bounding);
  masks.permitted = reader.mask(wanted->permitted);
  masks.effective = reader.mask(wanted->effective);
  masks.inheritable = reader.mask(wanted->inheritable);
  masks.ambient = reader.mask(wanted->ambient);
  // A bounding set can only shrink: what we lack there is lost without harm. The others are granted or
  // refused.
  masks.bounding &= facts.available;
  if (uint64_t lacking = (masks.permitted | masks.inheritable) & ~facts.available; lacking != 0)
    return missing(lacking);
  if (uint64_t outside = masks.effective & ~masks.permitted; outside != 0)
    return fail(Kind::kInvalid,
                cat("capability ", capability_name(static_cast<unsigned>(__builtin_ctzll(outside))),
                    " is effective but not permitted"));
  // capabilities(7): no capability is ambient that is not both permitted and inheritable. runc warns and goes
  // on.
  masks.ambient_ignored = masks.ambient & ~(masks.permitted & masks.inheritable);
  for (unsigned i = 0; i < std::size(kNames); ++i)
    if ((masks.ambient_ignored >> i & 1) != 0)
      reader.warn(cat("capability ", kNames[i],
                      " cannot be ambient: it is not both permitted and inheritable, ignored"));
  return masks;
}

}  // namespace shoji
