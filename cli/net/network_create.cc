#include <algorithm>

#include "cli/net/network_options.h"
#include "cli/net/verbs.h"
#include "netsetup/host/host_networks.h"
#include "netsetup/network/free_subnet.h"

namespace shoji::cli::net {

namespace {

using shoji::net::Network;
using shoji::net::Prefix;

// Two verbs at once may find the same subnet free; the second one looks again.
constexpr int kMostAttempts = 20;

bool needs_subnet(const Network& network) {
  return network.subnets.empty() && network.kind != shoji::net::NetworkKind::kCni &&
         network.kind != shoji::net::NetworkKind::kMacvlan;
}

Result<> choose_subnets(const shoji::net::NetworkStore& store, Network& network, bool ipv6) {
  TRY_ASSIGN(std::vector<Prefix> taken, shoji::net::host_prefixes());
  TRY_ASSIGN(std::vector<Network> others, shoji::net::list_networks(store));
  for (const Network& other : others)
    for (const shoji::net::Subnet& subnet : other.subnets) taken.push_back(subnet.prefix);
  TRY_ASSIGN(Prefix four, shoji::net::free_ipv4_subnet(taken));
  network.subnets = {{four, {}, {}, {}}};
  if (!ipv6) return {};
  TRY_ASSIGN(Prefix six, shoji::net::free_ipv6_subnet(taken));
  network.subnets.push_back({six, {}, {}, {}});
  return {};
}

Result<Network> asked_for(op::NetworkCreateOptions& options, const Arguments& arguments) {
  if (!options.file.empty()) {
    TRY_ASSIGN(Network network, read_network(options.file));
    if (!arguments.empty() && arguments[0] != network.name)
      return fail(Kind::kInvalid, cat("the document is of network ", quote(network.name)));
    return network;
  }
  TRY(take_podman_options(options));
  Network network;
  network.name = arguments[0];
  return with_options(std::move(network), options);
}

Result<> create(shoji::net::HostNetworks& host, Network network, bool ipv6) {
  bool choose = needs_subnet(network);
  for (int attempt = 1;; ++attempt) {
    if (choose) TRY(choose_subnets(host.store(), network, ipv6));
    TRY_ASSIGN(Network checked, checked_network(network));
    Result<> created = host.create_network(checked);
    bool overlaps = !created && created.error().kind == Kind::kInvalid;
    if (!choose || !overlaps || attempt == kMostAttempts) return created;
  }
}

Result<int> run(const op::Globals& globals, op::NetworkCreateOptions& options, Arguments& arguments) {
  TRY_ASSIGN(Network network, asked_for(options, arguments));
  TRY_ASSIGN(shoji::net::HostNetworks host, shoji::net::HostNetworks::open(store_of(globals)));
  Result<> created = create(host, network, options.ipv6);
  bool ignored = !created && created.error().kind == Kind::kExists && options.ignore &&
                 shoji::net::find_network(host.store(), network.name);
  if (!created && !ignored) return Failure(created.error());
  TRY(print(network.name + "\n"));
  return kExitOk;
}

}  // namespace

constinit const Verb network_create_verb = acting<op::NetworkCreateOptions, run>(op::kNetworkCreate);

}  // namespace shoji::cli::net
