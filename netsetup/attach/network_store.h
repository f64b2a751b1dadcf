#pragma once
// Networks on disk, and what is attached to them.
//
//   ROOT/networks/NAME/network.json     the document
//   ROOT/networks/NAME/leases/          who has which address (netsetup/lease/lease.h)
//   RUN/attachments/PARTITION/NETWORK   what an attach made, or is about to make: JSON, forgotten by a reboot
//   RUN/netns/                          pinned namespaces
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "netsetup/lease/lease.h"
#include "netsetup/network/network.h"

namespace shoji::net {

struct NetworkStore {
  std::string root = "/var/lib/shoji";
  std::string run = "/run/shoji";
  [[nodiscard]] std::string directory_of(std::string_view network) const;
  [[nodiscard]] std::string netns_directory() const { return run + "/netns"; }
};

// kExists, or kInvalid when it overlaps another one. Written as a whole.
Result<> create_network(const NetworkStore& store, const Network& network);
// Replaces the document of a network that is there; leased addresses have to stay in its subnets.
Result<> replace_network(const NetworkStore& store, const Network& network);
Result<Network> find_network(const NetworkStore& store, std::string_view name);
// The network, which is neither changed nor removed while `hold` lives: an attachment is under way.
struct HeldNetwork {
  Network network;
  UniqueFd hold;
};
Result<HeldNetwork> hold_network(const NetworkStore& store, std::string_view name);
Result<std::vector<Network>> list_networks(const NetworkStore& store);
// kState while addresses are leased, with who has them.
Result<> remove_network(const NetworkStore& store, std::string_view name);

// The pools that leases of a network come from, one per subnet.
std::vector<LeasePool> lease_pools(const NetworkStore& store, const Network& network);

}  // namespace shoji::net
