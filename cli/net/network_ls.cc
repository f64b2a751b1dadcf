#include <algorithm>

#include "cli/net/verbs.h"
#include "netsetup/attach/attach.h"

namespace shoji::cli::net {

namespace {

op::NetworkRow row_of(const shoji::net::Network& network) {
  op::NetworkRow row;
  row.name = network.name;
  row.kind = shoji::net::kind_name(network.kind);
  if (network.kind == shoji::net::NetworkKind::kBridge) row.interface = network.interface_name();
  if (network.kind == shoji::net::NetworkKind::kMacvlan) row.interface = network.parent;
  for (const shoji::net::Subnet& subnet : network.subnets) row.subnets.push_back(subnet.prefix.text());
  for (const auto& [key, value] : network.labels) row.labels.push_back(cat(key, '=', value));
  row.mtu = network.mtu;
  row.nat = network.nat;
  row.internal = network.internal;
  row.isolated = network.isolated;
  return row;
}

Result<int> list(const op::Globals& globals, op::NetworkLsOptions& options, Arguments& /*arguments*/) {
  shoji::net::NetworkStore store = store_of(globals);
  TRY_ASSIGN(std::vector<shoji::net::Network> networks, shoji::net::list_networks(store));
  TRY_ASSIGN(std::vector<shoji::net::Attachment> attachments, shoji::net::list_attachments(store, ""));
  std::vector<op::NetworkRow> rows;
  for (const shoji::net::Network& network : networks) {
    op::NetworkRow row = row_of(network);
    row.attached = static_cast<uint64_t>(
        std::ranges::count(attachments, network.name, &shoji::net::Attachment::network));
    rows.push_back(std::move(row));
  }
  TRY(print(listing(op::network_columns(), options, rows)));
  return kExitOk;
}

}  // namespace

constinit const Verb network_ls_verb = acting<op::NetworkLsOptions, list>(op::kNetworkLs);

}  // namespace shoji::cli::net
