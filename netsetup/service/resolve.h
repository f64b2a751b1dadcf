#pragma once
// From definitions to addresses: what the kernel is told of a service.
#include <array>
#include <set>
#include <string>
#include <vector>

#include "netsetup/attach/network_store.h"
#include "netsetup/service/definition.h"

namespace shoji::net {

// Of each member, in their order: its addresses, at most one of a family. Partitions in `leaving` count as not attached.
Result<std::vector<std::vector<Address>>> resolve_members(const NetworkStore& store,
                                                          const ServiceDefinition& service,
                                                          const std::set<std::string>& leaving);

// One for each family that the service is there for.
std::vector<VirtualService> kernel_services(const ServiceDefinition& service,
                                            const std::vector<std::vector<Address>>& addresses,
                                            const std::vector<std::string>& unhealthy);

// Its row of slots after `before` (keys of members). A source hash moves as few as it can; round robin keeps nobody with a
// member anyway, so that there the members' slots lie as evenly apart as they can, after every change.
std::vector<size_t> choose_slots(const std::vector<std::string>& before, const VirtualService& service);

}  // namespace shoji::net
