#include "cli/net/verbs.h"
#include "netsetup/ports/ports.h"

namespace shoji::cli::net {

namespace {

using shoji::net::PortClaim;

Field address_of(const PortClaim& row) {
  return row.port.host ? Field{row.port.host->text()} : Field{{}, "*"};
}
Field port_of(const PortClaim& row) {
  return {uint64_t{row.port.port}};
}
Field protocol_of(const PortClaim& row) {
  return {std::string(shoji::net::protocol_name(row.port.protocol))};
}
Field holder_of(const PortClaim& row) {
  return {row.holder};
}

constexpr Column kColumns[] = {
    column<address_of>("address", "of the host; null: every one"),
    right_column<port_of>("port", "of the host"),
    column<protocol_of>("protocol", "tcp or udp"),
    column<holder_of>("holder", "the partition or service"),
};

Result<int> list(const op::Globals& globals, op::NetworkPortsOptions& options, Arguments& /*arguments*/) {
  TRY_ASSIGN(std::vector<PortClaim> rows, shoji::net::list_ports(globals.run));
  TRY(print(listing(kColumns, options, rows)));
  return kExitOk;
}

}  // namespace

constinit const Verb network_ports_verb = acting<op::NetworkPortsOptions, list>(op::kNetworkPorts);

}  // namespace shoji::cli::net

namespace shoji::cli::op {

Result<> NetworkPortsOptions::check(const Arguments& /*arguments*/) const {
  return check_list(net::kColumns);
}

}  // namespace shoji::cli::op
