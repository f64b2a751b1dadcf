#include "base/quantity.h"
#include "cli/net/rate.h"
#include "cli/net/verbs.h"
#include "netsetup/attach/attach.h"
#include "netsetup/firewall/access_rule_text.h"

namespace shoji::cli::net {

namespace {

using shoji::net::Attachment;

template <typename Items, typename Print>
std::vector<std::string> texts(const Items& items, Print print) {
  std::vector<std::string> out;
  for (const auto& item : items) out.push_back(print(item));
  return out;
}

Field partition_of(const Attachment& row) {
  return {row.partition};
}
Field network_of(const Attachment& row) {
  return {row.network};
}
Field interface_of(const Attachment& row) {
  return {row.interface};
}
Field addresses_of(const Attachment& row) {
  return {texts(row.addresses, [](const shoji::net::Prefix& item) { return item.text(); })};
}
Field ports_of(const Attachment& row) {
  return {texts(row.ports, shoji::net::print_published_port)};
}
Field rate(uint64_t bytes) {
  return bytes == 0 ? Field{} : Field{bytes, print_rate(bytes)};
}
Field rate_in_of(const Attachment& row) {
  return rate(row.rates.in);
}
Field rate_out_of(const Attachment& row) {
  return rate(row.rates.out);
}
Field mac_of(const Attachment& row) {
  return {row.mac.text()};
}
Field kind_of(const Attachment& row) {
  return {std::string(shoji::net::kind_name(row.kind))};
}
Field host_interface_of(const Attachment& row) {
  return row.host_interface.empty() ? Field{} : Field{row.host_interface};
}
Field netns_of(const Attachment& row) {
  return {row.netns};
}
Field gateways_of(const Attachment& row) {
  return {texts(row.gateways, [](const shoji::net::Address& item) { return item.text(); })};
}
Field rules_of(const Attachment& row) {
  return {texts(row.rules, shoji::net::print_access_rule)};
}
Field size(uint64_t bytes) {
  return bytes == 0 ? Field{} : Field{bytes, print_size(bytes)};
}
Field burst_in_of(const Attachment& row) {
  return size(row.rates.burst_in);
}
Field burst_out_of(const Attachment& row) {
  return size(row.rates.burst_out);
}

constexpr Column kColumns[] = {
    column<partition_of>("partition", "which partition"),
    column<network_of>("network", "which network"),
    column<interface_of>("interface", "of the partition"),
    column<addresses_of>("addresses", "of the interface"),
    column<ports_of>("ports", "that it publishes"),
    right_column<rate_in_of>("rate_in", "most that it receives, in bytes a second"),
    right_column<rate_out_of>("rate_out", "most that it sends, in bytes a second"),
    more_column<mac_of>("mac", "of the interface"),
    more_column<kind_of>("kind", "of the network"),
    more_column<host_interface_of>("host_interface", "the host's end"),
    more_column<netns_of>("netns", "path of the network namespace"),
    more_column<gateways_of>("gateways", "by which it reaches others"),
    more_column<rules_of>("rules", "what it lets in and out"),
    more_column<burst_in_of>("burst_in", "bytes that may come at once"),
    more_column<burst_out_of>("burst_out", "bytes that may be sent at once"),
};

Result<int> list(const op::Globals& globals, op::NetworkPsOptions& options, Arguments& arguments) {
  TRY_ASSIGN(std::vector<Attachment> rows,
             shoji::net::list_attachments(store_of(globals), arguments.empty() ? "" : arguments[0]));
  TRY(print(listing(kColumns, options, rows)));
  return kExitOk;
}

}  // namespace

constinit const Verb network_ps_verb = acting<op::NetworkPsOptions, list>(op::kNetworkPs);

}  // namespace shoji::cli::net

namespace shoji::cli::op {

Result<> NetworkPsOptions::check(const Arguments& arguments) const {
  if (!arguments.empty()) TRY(shoji::net::check_partition_name(arguments[0]));
  return check_list(net::kColumns);
}

}  // namespace shoji::cli::op
