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

}  // namespace shoji::net
