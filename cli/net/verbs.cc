// The table of verbs, a part of shoji's.
#include "cli/net/verbs.h"

namespace shoji::cli::net {

namespace {

constexpr const Verb* kNetworkVerbs[] = {
    &network_create_verb, &network_ls_verb,      &network_inspect_verb, &network_attach_verb,
    &network_detach_verb, &network_release_verb, &network_apply_verb,   &network_ps_verb,
    &network_ports_verb,  &network_leases_verb,
};
constexpr Verb kNetwork = {.name = "network", .summary = "work with networks", .verbs = kNetworkVerbs};

constexpr const Verb* kVerbs[] = {&kNetwork};

}  // namespace

std::span<const Verb* const> net_verbs() {
  return kVerbs;
}

}  // namespace shoji::cli::net
