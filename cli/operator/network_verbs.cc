#include "cli/operator/network_verbs.h"

namespace shoji::cli::op {

namespace {

Result<> check_format(const std::string& format) {
  if (format == "json" || format == "text") return {};
  return fail(Kind::kInvalid, cat("invalid format ", quote(format), ": text or json"));
}

Field name_of(const NetworkRow& row) {
  return {row.name};
}
Field kind_of(const NetworkRow& row) {
  return {row.kind};
}
Field subnets_of(const NetworkRow& row) {
  return {row.subnets};
}
Field attached_of(const NetworkRow& row) {
  return {row.attached};
}
Field interface_of(const NetworkRow& row) {
  return row.interface.empty() ? Field{} : Field{row.interface};
}
Field mtu_of(const NetworkRow& row) {
  return row.mtu == 0 ? Field{} : Field{row.mtu};
}
Field nat_of(const NetworkRow& row) {
  return {row.nat};
}
Field internal_of(const NetworkRow& row) {
  return {row.internal};
}
Field isolated_of(const NetworkRow& row) {
  return {row.isolated};
}
Field labels_of(const NetworkRow& row) {
  return {row.labels};
}
constexpr Column kNetworkColumns[] = {
    column<name_of>("name", "of the network"),
    column<kind_of>("kind", "bridge, routed, macvlan or cni"),
    column<subnets_of>("subnets", "of its addresses"),
    right_column<attached_of>("attached", "how many partitions are on it"),
    more_column<interface_of>("interface", "the host's bridge, or what a macvlan network is on"),
    more_column<mtu_of>("mtu", "largest packet, in bytes"),
    more_column<nat_of>("nat", "whether its addresses are hidden behind the host's"),
    more_column<internal_of>("internal", "whether there is no way out of the host"),
    more_column<isolated_of>("isolated", "whether there is no way to other networks"),
    more_column<labels_of>("labels", "labels"),
};

Field address_of(const LeaseRow& row) {
  return {row.address};
}
Field partition_of(const LeaseRow& row) {
  return {row.partition};
}
Field current_of(const LeaseRow& row) {
  return {row.current};
}
constexpr Column kLeaseColumns[] = {
    column<address_of>("address", "that is leased"),
    column<partition_of>("partition", "who has it"),
    column<current_of>("current", "false: of an earlier boot, free again"),
};

}  // namespace

bool any_given(const NetworkOptions& options) {
  return options.kind || options.interface || options.parent || options.mode || options.cni || options.mtu ||
         options.no_nat || options.internal || options.isolated || !options.subnets.empty() ||
         !options.gateways.empty() || !options.ranges.empty() || !options.routes.empty() ||
         !options.dns.empty() || !options.labels.empty();
}

Result<> NetworkInspectOptions::check(const Arguments& arguments) const {
  if (format != "document") return check_format(format);
  return arguments.size() == 1 ? Result<>() : fail(Kind::kInvalid, "--format document prints one network");
}

Result<> NetworkCheckOptions::check(const Arguments& /*arguments*/) const {
  return check_format(format);
}

std::span<const Column> network_columns() {
  return kNetworkColumns;
}
std::span<const Column> lease_columns() {
  return kLeaseColumns;
}

Result<> NetworkLsOptions::check(const Arguments& /*arguments*/) const {
  return check_list(kNetworkColumns);
}
Result<> NetworkLeasesOptions::check(const Arguments& /*arguments*/) const {
  return check_list(kLeaseColumns);
}

}  // namespace shoji::cli::op
