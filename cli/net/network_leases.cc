#include <algorithm>

#include "cli/net/verbs.h"

namespace shoji::cli::net {

namespace {

Result<int> leases(const op::Globals& globals, op::NetworkLeasesOptions& options, Arguments& arguments) {
  shoji::net::NetworkStore store = store_of(globals);
  TRY_ASSIGN(shoji::net::Network network, shoji::net::find_network(store, arguments[0]));
  TRY_ASSIGN(std::string boot, shoji::net::current_boot_id());
  std::vector<shoji::net::Lease> found;
  // The pools of a network have one directory: each lists all.
  if (std::vector<shoji::net::LeasePool> pools = shoji::net::lease_pools(store, network); !pools.empty()) {
    TRY_ASSIGN(found, shoji::net::list_leases(pools[0]));
  }
  std::ranges::sort(found, {}, &shoji::net::Lease::address);
  std::vector<op::LeaseRow> rows;
  for (const shoji::net::Lease& lease : found)
    rows.push_back({lease.address.text(), lease.partition, lease.boot_id == boot});
  TRY(print(listing(op::lease_columns(), options, rows)));
  return kExitOk;
}

}  // namespace

constinit const Verb network_leases_verb = acting<op::NetworkLeasesOptions, leases>(op::kNetworkLeases);

}  // namespace shoji::cli::net
