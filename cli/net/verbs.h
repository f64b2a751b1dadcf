#pragma once
// Every verb that shoji hands over to shoji-net, each defined in the file of its name.
#include "cli/operator/attachment_verbs.h"
#include "netsetup/attach/network_store.h"

namespace shoji::cli::net {

// The row of a verb, with what it does.
template <typename Options, auto body>
constexpr Verb acting(Verb verb) {
  verb.run = parse_and_run<Options, body>;
  return verb;
}

inline shoji::net::NetworkStore store_of(const op::Globals& globals) {
  return {.root = globals.root, .run = globals.run};
}

extern const Verb network_check_verb, network_create_verb, network_edit_verb, network_inspect_verb,
    network_leases_verb, network_ls_verb, network_rm_verb, network_quota_verb, network_stats_verb;
extern const Verb network_apply_verb, network_attach_verb, network_detach_verb, network_ports_verb,
    network_ps_verb, network_release_verb, network_set_verb;

std::span<const Verb* const> net_verbs();

}  // namespace shoji::cli::net
