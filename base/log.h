#pragma once
// What a verb has to say besides its result. Lines look like logrus's, which engines parse: podman and containerd take
// the message of the last line with level=error.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace shoji {

enum class LogLevel : uint8_t { kDebug, kWarning, kError };
enum class LogFormat : uint8_t { kText, kJson };

struct LogSettings {
  std::string program = "shoji";  // opens plain lines on stderr
  std::string path;               // --log; empty: stderr only
  LogFormat format = LogFormat::kText;
  bool debug = false;
};

// Opens the log file, so that one that cannot be written stops a verb before it does anything.
Result<> set_log(LogSettings settings);

// Whether debug lines are wanted: for those that cost something to make.
bool log_wants_debug();

// Appends to the log file. Errors, and everything when there is no log file, also
// go to stderr: as `program: text`, or as JSON when there is no file and the format is JSON.
void log(LogLevel level, std::string_view text);

// One line of the log, with its newline. `time` is RFC 3339.
std::string log_line(LogFormat format, LogLevel level, std::string_view text, std::string_view time);

}  // namespace shoji
