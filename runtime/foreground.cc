#include "runtime/foreground.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/pidfd.h"
#include "base/spawn.h"
#include "runtime/terminal_relay.h"

namespace shoji {

namespace {

sigset_t forwarded_signals() {
  sigset_t set;
  sigfillset(&set);
  // These say that something is wrong with this program itself; SIGPIPE is ignored, SIGURG is nobody's business.
  for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPIPE, SIGURG})
    sigdelset(&set, signal);
  return set;
}

}  // namespace

Foreground::~Foreground() {
  if (!blocked_) return;
  sigset_t set = forwarded_signals();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

Result<> Foreground::catch_signals() {
  sigset_t set = forwarded_signals();
  if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return fail_errno(errno, "block signals");
  blocked_ = true;
  signals_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return fail_errno(errno, "make a signal descriptor");
  return {};
}

Result<> Foreground::take_signals(int pidfd) {
  signalfd_siginfo info[8];
  ssize_t n = read(signals_.get(), info, sizeof info);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (n < 0) return fail_errno(errno, "read signals");
  for (size_t i = 0; i < static_cast<size_t>(n) / sizeof info[0]; ++i) {
    int signal = static_cast<int>(info[i].ssi_signo);
    if (signal == SIGCHLD) {
      // Orphans of the container come to us when we are its subreaper.
      int status = 0;
      for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG))
        if (pid == pid_) status_ = status;
    } else if (signal == SIGWINCH) {
      if (master_ >= 0) copy_window_size(STDIN_FILENO, master_);
    } else {
      ignore(pidfd_signal(pidfd, signal), "it has just ended");
    }
  }
  return {};
}

Result<int> Foreground::wait(pid_t pid, int pidfd, UniqueFd master) {
  pid_ = pid;
  master_ = master.get();
  TerminalRelay relay(std::move(master));
  while (status_ < 0) {
    pollfd waiting[2 + TerminalRelay::kDescriptors] = {{signals_.get(), POLLIN, 0}, {pidfd, POLLIN, 0}};
    relay.ask(waiting + 2);
    if (poll(waiting, 2 + TerminalRelay::kDescriptors, -1) < 0) {
      if (errno == EINTR) continue;
      return fail_errno(errno, "wait for the container");
    }
    relay.move(waiting + 2);
    if (waiting[0].revents != 0) TRY(take_signals(pidfd));
    if (waiting[1].revents == 0 || status_ >= 0) continue;
    while (waitpid(pid, &status_, 0) < 0) {
      if (errno != EINTR) return fail_errno(errno, "wait for the container");
    }
  }
  relay.finish();
  return exit_code(status_);
}

}  // namespace shoji
