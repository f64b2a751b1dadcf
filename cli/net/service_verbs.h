#pragma once
// The verbs of `shoji service`.
#include "cli/net/verbs.h"
#include "cli/operator/service_verbs.h"

namespace shoji::cli::net {

extern const Verb service_add_verb, service_create_verb, service_drain_verb, service_edit_verb,
    service_health_verb, service_inspect_verb, service_ls_verb, service_remove_verb, service_rm_verb,
    service_weight_verb;

}  // namespace shoji::cli::net
