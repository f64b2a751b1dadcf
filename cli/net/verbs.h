#pragma once
// Every verb that shoji hands over to shoji-net, each defined in the file of its name.
#include "cli/operator/network_verbs.h"

namespace shoji::cli::net {

// The row of a verb, with what it does.
template <typename Options, auto body>
constexpr Verb acting(Verb verb) {
  verb.run = parse_and_run<Options, body>;
  return verb;
}

extern const Verb network_ls_verb;

std::span<const Verb* const> net_verbs();

}  // namespace shoji::cli::net
