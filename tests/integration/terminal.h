#pragma once
// Pseudo-terminals: a pair of our own, and one that arrives over a console socket.
#include <string>
#include <string_view>

#include "base/fd.h"

namespace shoji::test {

struct Pty {
  Pty();
  UniqueFd master, slave;
  void resize(unsigned short columns, unsigned short rows) const;
  void type(std::string_view keys) const;
};

// Reads until `text` was seen or the time is over; returns what was read.
std::string read_until(int fd, std::string_view text, double seconds = 5);

class ConsoleSocket {
 public:
  explicit ConsoleSocket(std::string path);
  [[nodiscard]] const std::string& path() const { return path_; }
  UniqueFd receive(double seconds = 5);  // the pty's master; empty if none came
  [[nodiscard]] const std::string& message() const { return message_; }  // the bytes that came with it

 private:
  std::string path_;
  std::string message_;
  UniqueFd listener_;
};

}  // namespace shoji::test
