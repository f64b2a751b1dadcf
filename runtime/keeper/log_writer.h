#pragma once
// What a partition writes to its standard output and error, line by line, in files that never grow past their bound.
//
//   DIRECTORY/log, log.1, log.2, ...    newest first; each at most `max_size` bytes, `max_files` of them
//
// json: {"log":"LINE\n","stream":"stdout","time":"..."} a line, as docker's json-file; a line without its end, because it
// is longer than 16 KiB or the stream ended, has no \n. text: TIME STREAM F|P LINE, as the CRI's log format.
#include <time.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace shoji {

enum class LogStream : uint8_t { kStdout, kStderr };
enum class LogForm : uint8_t { kJson, kText };

struct LogBounds {
  LogForm format = LogForm::kJson;
  uint64_t max_size = 16 << 20;  // bytes of one file
  uint32_t max_files = 3;
};

class LogWriter {
 public:
  // Goes on where an earlier writer stopped: a half-written last line is ended.
  static Result<LogWriter> open(const std::string& directory, const LogBounds& bounds);

  // Takes bytes as they come; whole lines go to the file before it returns, in as few write(2) as can be.
  Result<> take(LogStream stream, std::string_view bytes, const timespec& now);
  // The stream has ended: what is left of a line is written as it is.
  Result<> end(LogStream stream, const timespec& now);

 private:
  LogWriter(UniqueFd directory, const LogBounds& bounds)
      : directory_(std::move(directory)), bounds_(bounds) {}
  Result<> open_file();
  Result<> rotate();
  Result<> put_line(LogStream stream, std::string_view line, bool whole);
  Result<> flush();
  void stamp(const timespec& now);

  UniqueFd directory_, file_;
  LogBounds bounds_;
  uint64_t size_ = 0;    // of the file, with what is in `out_`
  std::string out_;      // records that are not written yet
  std::string rest_[2];  // of each stream: the beginning of a line
  char time_[40] = {};   // of `second_`, RFC 3339
  timespec stamped_{-1, -1};
};

}  // namespace shoji
