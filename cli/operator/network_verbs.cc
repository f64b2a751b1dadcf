#include "cli/operator/network_verbs.h"

namespace shoji::cli::op {

namespace {

Field name_of(const NetworkRow& row) {
  return {row.name};
}
Field kind_of(const NetworkRow& row) {
  return {row.kind};
}
Field subnets_of(const NetworkRow& row) {
  return {row.subnets};
}
Field interface_of(const NetworkRow& row) {
  return {row.interface};
}
Field attached_of(const NetworkRow& row) {
  return {row.attached};
}
constexpr Column kNetworkColumns[] = {
    column<name_of>("name", "of the network"),
    column<kind_of>("kind", "bridge, routed, macvlan or cni"),
    column<subnets_of>("subnets", "of its addresses"),
    right_column<attached_of>("attached", "how many partitions are on it"),
    more_column<interface_of>("interface", "the host's bridge"),
};

}  // namespace

std::span<const Column> network_columns() {
  return kNetworkColumns;
}

Result<> NetworkLsOptions::check(const Arguments& /*arguments*/) const {
  return check_list(kNetworkColumns);
}

}  // namespace shoji::cli::op
