// shoji-init as the first process of a partition: it starts the program, collects orphans, hands signals on, and writes
// down how the program ended, so that this is known even when nobody outside was there to wait.
#include <errno.h>
#include <fcntl.h>
#include <linux/wait.h>
#include <signal.h>
#include <time.h>

#include "runtime/init/freestanding.h"
#include "runtime/init/raw.h"
#include "runtime/init/walker.h"

namespace shoji {
namespace {

constexpr uint64_t kAllSignals = ~uint64_t{0};
constexpr long kTiocspgrp = 0x5410;  // asm-generic/ioctls.h
constexpr int kSignalled = 128;      // exit status of a program that a signal ended, as in a shell

void block_signals(uint64_t mask) {
  raw::call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, nullptr, sizeof mask);
}

// In the program's process. A group of its own, and in front of its terminal if it has one: a ^C then comes to it from the
// terminal alone, not from us as well. Signals are still blocked, so that SIGTTOU does not stop it.
void stand_apart() {
  raw::call(SYS_setpgid, 0, 0);
  int32_t group = static_cast<int32_t>(raw::call(SYS_getpid));
  raw::call(SYS_ioctl, 0, kTiocspgrp, &group);  // ENOTTY without a terminal
  block_signals(0);
}

char* put_number(char* to, uint64_t number) {
  char digits[20];
  int count = 0;
  do {
    digits[count++] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  while (count > 0) *to++ = digits[--count];
  return to;
}

// "STATUS SECONDS NANOSECONDS\n": of waitpid(2), and when, by the realtime clock.
void write_facts(int fd, int status) {
  timespec now{};
  raw::call(SYS_clock_gettime, CLOCK_REALTIME, &now);
  char line[64];
  char* at = put_number(line, static_cast<uint32_t>(status));
  *at++ = ' ';
  at = put_number(at, static_cast<uint64_t>(now.tv_sec));
  *at++ = ' ';
  at = put_number(at, static_cast<uint64_t>(now.tv_nsec));
  *at++ = '\n';
  raw::write(fd, line, static_cast<size_t>(at - line));
}

void keep_only(int fd) {
  if (fd > 3) raw::call(SYS_close_range, 3, fd - 1, 0);
  raw::call(SYS_close_range, fd + 1, ~0U, 0);
}

// Collects whatever has ended. True when the program was among it.
bool reap(long program, int& status) {
  bool ended = false;
  for (;;) {
    int how = 0;
    long pid = raw::call(SYS_wait4, -1, &how, WNOHANG | __WALL, nullptr);
    if (pid == -EINTR) continue;
    if (pid <= 0) return ended;
    if (pid != program) continue;
    status = how;
    ended = true;
  }
}

[[noreturn]] void finish(int facts, int status) {
  write_facts(facts, status);
  int signal = status & 0x7f;
  raw::exit_group(signal != 0 ? kSignalled + signal : status >> 8 & 0xff);
}

[[noreturn]] void supervise_program(long program, int facts) {
  int status = 0;
  // A filter may forbid waiting for signals: children can still be waited for.
  for (long pid = 0; pid != program;) {
    unsigned char info[128];  // siginfo_t, of which nothing is needed
    long signal = raw::call(SYS_rt_sigtimedwait, &kAllSignals, info, nullptr, sizeof kAllSignals);
    if (signal == -EINTR || signal == -EAGAIN) continue;
    if (signal == SIGCHLD) {
      if (reap(program, status)) finish(facts, status);
    } else if (signal > 0) {
      raw::call(SYS_kill, program, signal);
    } else {
      pid = raw::call(SYS_wait4, -1, &status, __WALL, nullptr);
    }
  }
  finish(facts, status);
}

}  // namespace

long SyncSteps::supervise(Walker& w, const Step& step) {
  block_signals(kAllSignals);
  long pid = raw::call(SYS_clone, static_cast<uint64_t>(SIGCHLD), nullptr, nullptr, nullptr, nullptr);
  if (pid < 0) return w.at(StepPart::kClone, pid);
  if (pid == 0) {
    stand_apart();
    return 0;
  }
  int facts = w.slot(step.a);
  keep_only(facts);
  supervise_program(pid, facts);
}

}  // namespace shoji
