#pragma once
// A program's standard output and error on their way into its log.
#include <optional>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "runtime/keeper/log_writer.h"

namespace shoji {

class Output {
 public:
  // FIFOs below `directory`, made when they are not there. They are opened for reading and writing, as the program gets
  // them: neither end ever sees the other one go (fifo(7)).
  static Result<Output> open(const std::string& directory, std::optional<LogWriter> log);

  // Descriptors to poll for reading, and what to do when one is ready.
  [[nodiscard]] int fd(LogStream stream) const { return fifos_[static_cast<size_t>(stream)].get(); }
  Result<> take(LogStream stream);
  // Everything that is in them, and the ends of unfinished lines.
  Result<> drain();
  // Becomes the standard output and error of this process.
  Result<> become_standard(const std::string& directory) const;

 private:
  UniqueFd fifos_[2];
  std::optional<LogWriter> log_;
};

}  // namespace shoji
