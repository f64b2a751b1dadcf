#include "netsetup/service/resolve.h"

#include <algorithm>
#include <map>

#include "netsetup/attach/attach.h"
#include "netsetup/firewall/slots.h"

namespace shoji::net {

namespace {

// The first address of each family, networks in the order of their names. The host does not reach what hangs on a
// macvlan: the kernel hands nothing between such an interface and its parent.
Result<std::vector<Address>> partition_addresses(const NetworkStore& store, const std::string& partition) {
  TRY_ASSIGN(std::vector<Attachment> attachments, list_attachments(store, partition));
  std::vector<Address> out;
  for (const Attachment& attachment : attachments) {
    if (attachment.kind == NetworkKind::kMacvlan) continue;
    for (const Prefix& prefix : attachment.addresses) {
      auto is_same = [&](const Address& had) { return had.family() == prefix.address.family(); };
      if (std::ranges::none_of(out, is_same)) out.push_back(prefix.address);
    }
  }
  return out;
}

}  // namespace

Result<std::vector<std::vector<Address>>> resolve_members(const NetworkStore& store,
                                                          const ServiceDefinition& service,
                                                          const std::set<std::string>& leaving) {
  std::vector<std::vector<Address>> out;
  std::map<std::string, std::vector<Address>> known;
  for (const ServiceMemberDefinition& member : service.members) {
    TRY_ASSIGN(MemberTarget target, parse_member_target(member.target));
    std::vector<Address>& addresses = out.emplace_back();
    if (target.address) {
      addresses.push_back(*target.address);
    } else if (!leaving.contains(target.partition)) {
      auto [entry, is_new] = known.try_emplace(target.partition);
      if (is_new) {
        TRY_ASSIGN(entry->second, partition_addresses(store, target.partition));
      }
      addresses = entry->second;
    }
  }
  return out;
}

std::vector<VirtualService> kernel_services(const ServiceDefinition& service,
                                            const std::vector<std::vector<Address>>& addresses,
                                            const std::vector<std::string>& unhealthy) {
  std::vector<VirtualService> out;
  for (Family family : service.families()) {
    VirtualService& made = out.emplace_back(VirtualService{.name = service.name,
                                                           .port = service.port,
                                                           .spread = service.spread,
                                                           .members = {},
                                                           .family = family});
    for (size_t i = 0; i < service.members.size(); ++i) {
      const ServiceMemberDefinition& member = service.members[i];
      Result<MemberTarget> target = parse_member_target(member.target);
      for (const Address& address : addresses[i])
        if (target && address.family() == family)
          made.members.push_back({.partition = target->partition,
                                  .address = address,
                                  .port = target->port,
                                  .weight = member.drained ? uint16_t{0} : member.weight,
                                  .healthy = std::ranges::find(unhealthy, member.target) == unhealthy.end()});
    }
  }
  return out;
}

std::vector<size_t> choose_slots(const std::vector<std::string>& before, const VirtualService& service) {
  if (service.spread == Spread::kRoundRobin) return assign_slots({}, service.members);
  return assign_slots(before, service.members);
}

}  // namespace shoji::net
