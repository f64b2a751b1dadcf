#pragma once
// Names of signals.
#include <string_view>

#include "base/error.h"

namespace shoji::cli {

// "9", "KILL", "SIGKILL", "kill", "RTMIN+3", "RTMAX-1"; 0 asks whether the process can be signalled.
Result<int> parse_signal(std::string_view text);

}  // namespace shoji::cli
