#include "runtime/terminal_relay.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"

namespace shoji {

void copy_window_size(int from, int to) {
  winsize size{};
  if (ioctl(from, TIOCGWINSZ, &size) == 0) ioctl(to, TIOCSWINSZ, &size);
}

void prepare_terminal(int master) {
  copy_window_size(STDIN_FILENO, master);
  termios settings{};
  if (tcgetattr(master, &settings) != 0) return;
  settings.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
  tcsetattr(master, TCSANOW, &settings);
}

TerminalRelay::TerminalRelay(UniqueFd master) : master_(std::move(master)) {
  if (!master_) return;
  fcntl(master_.get(), F_SETFL, O_NONBLOCK);
  // Without it, an init that closes its console and opens it again would look like the end (ioctl_tty(2)).
  slave_.reset(ioctl(master_.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  copy_window_size(STDIN_FILENO, master_.get());
  input_open_ = true;
  termios own{};
  if (tcgetattr(STDIN_FILENO, &own) != 0) return;  // not a terminal: bytes go through all the same
  saved_ = own;
  cfmakeraw(&own);
  own.c_oflag |= OPOST;  // lines get their carriage return here
  tcsetattr(STDIN_FILENO, TCSANOW, &own);
}

TerminalRelay::~TerminalRelay() {
  if (saved_) tcsetattr(STDIN_FILENO, TCSANOW, &*saved_);
}

void TerminalRelay::ask(pollfd* waiting) {
  auto master_events = static_cast<short>(pending_.empty() ? POLLIN : POLLIN | POLLOUT);
  waiting[0] = {master_.get(), master_events, 0};
  // More input is taken only when the last is through: a program that does not read must not fill our memory.
  waiting[1] = {input_open_ && pending_.empty() ? STDIN_FILENO : -1, POLLIN, 0};
}

void TerminalRelay::move(const pollfd* waiting) {
  if (!master_) return;
  if (waiting[1].revents != 0) read_input();
  if (!pending_.empty()) write_input();
  if ((waiting[0].revents & POLLIN) != 0) {
    write_output();
  } else if ((waiting[0].revents & (POLLHUP | POLLERR)) != 0) {
    // Nobody has the other end open, not even we: the container's devpts is gone.
    master_.reset();
    input_open_ = false;
  }
}

void TerminalRelay::read_input() {
  char buffer[4096];
  ssize_t n = read(STDIN_FILENO, buffer, sizeof buffer);
  if (n > 0) pending_.append(buffer, static_cast<size_t>(n));
  if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) input_open_ = false;
}

void TerminalRelay::write_input() {
  ssize_t n = write(master_.get(), pending_.data(), pending_.size());
  if (n > 0) pending_.erase(0, static_cast<size_t>(n));
}

bool TerminalRelay::write_output() {
  char buffer[16384];
  ssize_t n = read(master_.get(), buffer, sizeof buffer);
  if (n < 0 && errno == EINTR) return true;
  if (n <= 0) return false;
  ignore(write_all(STDOUT_FILENO, {buffer, static_cast<size_t>(n)}, "standard output"),
         "the program's output has nowhere to go");
  return true;
}

void TerminalRelay::finish() {
  // The kernel hands a terminal's output over from a work queue, shortly after the writer: until the end of file, or
  // until nothing came for a moment, since a process left behind may hold the terminal for ever.
  constexpr int kQuietMs = 50;
  slave_.reset();
  while (master_) {
    pollfd waiting{master_.get(), POLLIN, 0};
    if (poll(&waiting, 1, kQuietMs) <= 0 || (waiting.revents & POLLIN) == 0 || !write_output()) break;
  }
  master_.reset();
}

}  // namespace shoji
