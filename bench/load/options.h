#pragma once
// The command line of bench/load.
#include <span>

#include "bench/load/client.h"

namespace shoji::load {

struct Command {
  Settings settings;
  bool help = false;
  bool json = false;
};

std::string help_text();
Result<Command> parse_command(std::span<char* const> words);

}  // namespace shoji::load
