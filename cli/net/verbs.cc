// The table of verbs, a part of shoji's.
#include "cli/net/verbs.h"

#include "cli/net/service_verbs.h"

namespace shoji::cli::net {

namespace {

constexpr const Verb* kNetworkVerbs[] = {
    &network_create_verb, &network_ls_verb,     &network_inspect_verb, &network_edit_verb,
    &network_rm_verb,     &network_attach_verb, &network_detach_verb,  &network_release_verb,
    &network_set_verb,    &network_apply_verb,  &network_ps_verb,      &network_ports_verb,
    &network_leases_verb, &network_stats_verb,  &network_quota_verb,   &network_check_verb,
};
constexpr Verb kNetwork = {.name = "network", .summary = "work with networks", .verbs = kNetworkVerbs};

constexpr const Verb* kServiceVerbs[] = {
    &service_create_verb, &service_ls_verb,     &service_inspect_verb, &service_edit_verb,
    &service_rm_verb,     &service_add_verb,    &service_drain_verb,   &service_remove_verb,
    &service_weight_verb, &service_health_verb,
};
constexpr Verb kService = {
    .name = "service", .summary = "spread ports of the host over members", .verbs = kServiceVerbs};

constexpr const Verb* kVerbs[] = {&kNetwork, &kService};

}  // namespace

std::span<const Verb* const> net_verbs() {
  return kVerbs;
}

}  // namespace shoji::cli::net
