#pragma once
// How the new connections of a virtual service fall on its members: a row of slots, each with one member, that the
// kernel walks (round robin) or hashes into (source hash). A change moves as few slots as the weights allow, so that
// with a source hash most clients keep their member.
#include <string>
#include <vector>

#include "netsetup/firewall/rules.h"

namespace shoji::net {

inline constexpr size_t kSlots =
    120;  // divisible by 2, 3, 4, 5, 6, 8, 10 and 12: even for usual numbers of members

// One entry of the row: an index into the members, or kNobody.
inline constexpr size_t kNobody = static_cast<size_t>(-1);

// `previous` are the members' keys of the row before (member_key()), empty the first time. Members with weight 0 and
// unhealthy ones get none. Nobody left: every slot is kNobody.
std::vector<size_t> assign_slots(const std::vector<std::string>& previous,
                                 const std::vector<ServiceMember>& members);
std::string member_key(const ServiceMember& member);  // "10.7.0.2:80"

}  // namespace shoji::net
