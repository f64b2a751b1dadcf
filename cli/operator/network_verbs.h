#pragma once
// `shoji network`, which shoji-net runs: the options and what help and completion say. shoji has the same rows with
// hand_over_to_net() to run them.
#include <array>

#include "cli/operator/program.h"
#include "cli/table.h"

namespace shoji::cli::op {

// Completes the names of networks.
inline constexpr std::string_view kNetworkNames = "network ls -o name --no-heading";

struct NetworkLsOptions : ListOptions {
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kNetworkLsOptions = list_options<NetworkLsOptions>(std::array<Option, 0>{});
inline constexpr Verb kNetworkLs = {
    .name = "ls",
    .summary = "list the networks that there are",
    .description = "   Fields: name, kind, subnets, interface, attached.",
    .options = kNetworkLsOptions,
    .max_arguments = 0,
};

struct NetworkRow {
  std::string name, kind, subnets, interface;
  uint64_t attached = 0;
};
std::span<const Column> network_columns();

}  // namespace shoji::cli::op
