#include "netsetup/firewall/slots.h"

#include <algorithm>
#include <numeric>

namespace shoji::net {

namespace {

bool takes_connections(const ServiceMember& member) {
  return member.healthy && member.weight > 0;
}

// How many slots each member has: by weight, by the largest remainder where it does not come out even. More members than
// slots: the later ones have none.
std::vector<size_t> quotas(const std::vector<ServiceMember>& members) {
  std::vector<size_t> out(members.size());
  uint64_t sum = 0;
  for (const ServiceMember& member : members)
    if (takes_connections(member)) sum += member.weight;
  if (sum == 0) return out;
  std::vector<size_t> order;
  size_t given = 0;
  for (size_t i = 0; i < members.size(); ++i) {
    if (!takes_connections(members[i])) continue;
    order.push_back(i);
    out[i] = kSlots * members[i].weight / sum;
    given += out[i];
  }
  std::ranges::stable_sort(order, std::greater<>(),
                           [&](size_t i) { return kSlots * members[i].weight % sum; });
  for (size_t i = 0; given < kSlots; ++i, ++given) ++out[order[i % order.size()]];
  // Nobody is left out because others weigh much more.
  for (size_t i : order)
    if (size_t& richest = *std::ranges::max_element(out); out[i] == 0 && richest > 1) {
      --richest;
      ++out[i];
    }
  return out;
}

// The next member by smooth weighted round robin: each gains its share, the richest one is chosen and pays for all, so
// that a member's slots lie apart.
size_t richest(std::vector<int64_t>& wealth, const std::vector<size_t>& shares,
               const std::vector<size_t>& missing) {
  int64_t sum = 0;
  size_t best = kNobody;
  for (size_t i = 0; i < missing.size(); ++i) {
    if (missing[i] == 0) continue;
    wealth[i] += static_cast<int64_t>(shares[i]);
    sum += static_cast<int64_t>(shares[i]);
    if (best == kNobody || wealth[i] > wealth[best]) best = i;
  }
  if (best != kNobody) wealth[best] -= sum;
  return best;
}

}  // namespace

std::string member_key(const ServiceMember& member) {
  return cat(member.address.text(), '#', member.port);
}

std::vector<size_t> assign_slots(const std::vector<std::string>& previous,
                                 const std::vector<ServiceMember>& members) {
  std::vector<size_t> missing = quotas(members);
  std::vector<size_t> out(kSlots, kNobody);
  // Who has a slot keeps it, as far as its share goes.
  for (size_t slot = 0; slot < std::min(previous.size(), kSlots); ++slot) {
    auto member = std::ranges::find(members, previous[slot], member_key);
    if (member == members.end()) continue;
    auto index = static_cast<size_t>(member - members.begin());
    if (missing[index] == 0) continue;
    --missing[index];
    out[slot] = index;
  }
  std::vector<int64_t> wealth(members.size());
  const std::vector<size_t> shares = missing;
  for (size_t& slot : out) {
    if (slot != kNobody) continue;
    slot = richest(wealth, shares, missing);
    if (slot == kNobody) break;
    --missing[slot];
  }
  return out;
}

}  // namespace shoji::net
