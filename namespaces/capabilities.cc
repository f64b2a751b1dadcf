#include "namespaces/capabilities.h"

#include <algorithm>

#include "spec/names.h"

namespace shoji {
namespace {

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
  auto number = find_number(capabilities(), wanted);
  return number ? std::optional(static_cast<unsigned>(*number)) : std::nullopt;
}

std::string_view capability_name(unsigned number) {
  return find_name(capabilities(), number);
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
  for (const NamedNumber& row : capabilities())
    if ((masks.ambient_ignored >> row.number & 1) != 0)
      reader.warn(cat("capability ", row.name,
                      " cannot be ambient: it is not both permitted and inheritable, ignored"));
  return masks;
}

}  // namespace shoji
