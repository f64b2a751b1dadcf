#pragma once
// Between our own terminal and the master end of a container's: input one way, output the other.
#include <poll.h>
#include <termios.h>

#include <optional>
#include <string>

#include "base/fd.h"

namespace shoji {

// The size of the terminal `from`, given to `to`; nothing when `from` is none.
void copy_window_size(int from, int to);
// For a terminal in the foreground, before its program runs: the size of the caller's, and lines that end with a newline
// alone, as in runc. The caller's own terminal adds the carriage return; a pipe or file gets none.
void prepare_terminal(int master);

class TerminalRelay {
 public:
  static constexpr size_t kDescriptors = 2;

  // Without a master it does nothing. Our own terminal is raw until the object dies: keys go through as they are.
  explicit TerminalRelay(UniqueFd master);
  TerminalRelay(const TerminalRelay&) = delete;
  TerminalRelay& operator=(const TerminalRelay&) = delete;
  ~TerminalRelay();

  void ask(pollfd* waiting);  // fills kDescriptors entries
  void move(const pollfd* waiting);
  void finish();  // the program has ended: brings out what it wrote last

 private:
  void read_input();
  void write_input();
  bool write_output();  // false: there is none now

  UniqueFd master_;
  UniqueFd slave_;  // while it is open, the container may close its side and open it again
  std::optional<termios> saved_;
  std::string pending_;  // input that the container has not taken yet
  bool input_open_ = false;
};

}  // namespace shoji
