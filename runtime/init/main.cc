// shoji-init: the program between the runtime's clone and the container's own program. It is executed from a sealed
// memfd that holds this file and, behind it, the plan. No libc: see runtime/init/freestanding.h.
//
//   argv[1]  descriptor of that memfd
//   argv[2]  offset of the plan in it, a multiple of the page size
//   argv[3]  size of the plan
#include <fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <signal.h>

#include "runtime/init/raw.h"
#include "runtime/init/walker.h"

// The compiler may call these even in freestanding code.
extern "C" void* memset(void* to, int byte, size_t size) {
  auto* out = static_cast<volatile char*>(to);
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>(byte);
  return to;
}
extern "C" void* memcpy(void* to, const void* from, size_t size) {
  auto* out = static_cast<volatile char*>(to);
  const auto* in = static_cast<const char*>(from);
  for (size_t i = 0; i < size; ++i) out[i] = in[i];
  return to;
}

namespace {

constexpr int kBadPlan = 125;
constexpr int kLastSignal = 64;

// The kernel's struct sigaction for the default action.
struct KernelAction {
  void* handler;
  unsigned long flags;
  void* restorer;
  uint64_t mask;
};

long number(const char* text) {
  long value = 0;
  for (; *text >= '0' && *text <= '9'; ++text) value = value * 10 + (*text - '0');
  return value;
}

// A container starts with every signal at its default and none blocked, whatever the caller of the runtime ignored.
void reset_signals() {
  KernelAction action{};
  for (int signal = 1; signal <= kLastSignal; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP)
      shoji::raw::call(SYS_rt_sigaction, signal, &action, nullptr, sizeof action.mask);
  }
  uint64_t none = 0;
  shoji::raw::call(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none);
}

int run(long argc, char** argv) {
  if (argc < 4) return kBadPlan;
  long fd = number(argv[1]);
  long plan = shoji::raw::call(SYS_mmap, nullptr, number(argv[3]), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd,
                               number(argv[2]));
  shoji::raw::close(fd);
  if (plan < 0 && plan > -4096) return kBadPlan;
  reset_signals();
  shoji::raw::call(SYS_prctl, PR_SET_NAME, "shoji-init", 0, 0, 0);
  shoji::raw::call(SYS_umask, 0);  // modes are those of the plan
  shoji::Walker walker;
  if (!walker.load(reinterpret_cast<char*>(plan))) return kBadPlan;
  return walker.walk();
}

}  // namespace

extern "C" [[noreturn]] void shoji_init_main(long* stack) {
  shoji::raw::exit_group(run(stack[0], reinterpret_cast<char**>(stack + 1)));
}

// The kernel enters with the stack pointer at argc (x86-64 psABI 3.4.1).
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call shoji_init_main\n"
    "  hlt\n");
