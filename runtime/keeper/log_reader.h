#pragma once
// Reads what LogWriter wrote, oldest first, and what it goes on writing.
#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "runtime/keeper/log_writer.h"

namespace shoji {

struct LogLine {
  LogStream stream = LogStream::kStdout;
  std::string time;  // RFC 3339, UTC, nanoseconds: sorts as text
  std::string text;  // with its \n when the line is whole
};

struct LogQuery {
  std::string since{}, until{};    // RFC 3339 in UTC; empty: no bound
  std::optional<uint64_t> tail{};  // at most so many lines, the last ones
  std::string grep{};              // lines with this text only
  std::optional<LogStream> stream{};
  bool follow = false;
};

// Calls `take` for each line. With `follow` goes on until `ended` says that nothing more will come (asked when there is
// nothing new, at least every 200 ms), or `take` returns false.
Result<> read_log(const std::string& directory, const LogQuery& query,
                  const std::function<bool(const LogLine&)>& take, const std::function<bool()>& ended);

// One record, of either form; nothing for one that is broken.
std::optional<LogLine> parse_log_record(std::string_view record);

}  // namespace shoji
