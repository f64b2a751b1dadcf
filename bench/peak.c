/* peak COMMAND [ARGUMENT]...: run a command, then print the peak resident memory of it and of what it waited
 * for, in KiB.
 *
 * The kernel carries the memory of the process that calls execve over into the count (setmax_mm_hiwater_rss
 * in exec_mmap), so a meter is never below its own size. GNU time and shells are near a megabyte; this one is
 * a few pages, so that a program of half a megabyte can be measured. */
#include "bench/bare.h"

enum { kWrite = 1, kFork = 57, kExecve = 59, kWait4 = 61 };

BARE_ENTRY(bare_main);

static void print_number(long value) {
  char text[24];
  char* at = text + sizeof(text);
  *--at = '\n';
  do *--at = (char)('0' + value % 10);
  while ((value /= 10) > 0);
  bare_syscall(kWrite, 1, (long)at, text + sizeof(text) - at, 0);
}

/* What execve does with a name without a slash is the shell's business: callers give paths. */
_Noreturn void bare_main(long* stack);
_Noreturn void bare_main(long* stack) {
  long argc = stack[0];
  char** argv = (char**)(stack + 1);
  char** environment = argv + argc + 1;
  if (argc < 2) bare_exit(2);
  long child = bare_syscall(kFork, 0, 0, 0, 0);
  if (child < 0) bare_exit(125);
  if (child == 0) {
    bare_syscall(kExecve, (long)argv[1], (long)(argv + 1), (long)environment, 0);
    bare_exit(127);
  }
  int status = 0;
  long usage[18] = {0}; /* struct rusage: two timevals, then ru_maxrss */
  long reaped = 0;
  do reaped = bare_syscall(kWait4, child, (long)&status, 0, (long)usage);
  while (reaped == -4 /* EINTR */);
  if (reaped != child) bare_exit(125);
  print_number(usage[4]);
  bare_exit(status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff);
}
