#include <algorithm>

#include "cli/net/verbs.h"
#include "netsetup/attach/attach.h"

namespace shoji::cli::net {

namespace {

Result<int> list(const op::Globals& globals, op::NetworkLsOptions& options, Arguments& /*arguments*/) {
  shoji::net::NetworkStore store{.root = globals.root, .run = globals.run};
  TRY_ASSIGN(std::vector<shoji::net::Network> networks, shoji::net::list_networks(store));
  TRY_ASSIGN(std::vector<shoji::net::Attachment> attachments, shoji::net::list_attachments(store, ""));
  std::vector<op::NetworkRow> rows;
  for (const shoji::net::Network& network : networks) {
    op::NetworkRow row{.name = network.name,
                       .kind = std::string(shoji::net::kind_name(network.kind)),
                       .subnets = {},
                       .interface = {},
                       .attached = 0};
    for (const shoji::net::Subnet& subnet : network.subnets)
      row.subnets += cat(row.subnets.empty() ? "" : " ", subnet.prefix.text());
    if (network.kind == shoji::net::NetworkKind::kBridge) row.interface = network.interface_name();
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
