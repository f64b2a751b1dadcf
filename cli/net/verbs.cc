// The table of verbs, a part of shoji's.
#include "cli/net/verbs.h"

namespace shoji::cli::net {

namespace {

constexpr const Verb* kNetworkVerbs[] = {&network_ls_verb};
constexpr Verb kNetwork = {.name = "network", .summary = "work with networks", .verbs = kNetworkVerbs};

constexpr const Verb* kVerbs[] = {&kNetwork};

}  // namespace

std::span<const Verb* const> net_verbs() {
  return kVerbs;
}

}  // namespace shoji::cli::net
