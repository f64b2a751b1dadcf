/* What the programs here that use no C library share: four system calls and an entry point.
 *
 * They use none because a static glibc program spends 0.3-0.6 ms before main (see README.md, "The C
 * library"), which as a payload would hide what is measured, and as a memory meter would be counted with the
 * program it measures. */
#pragma once

static inline long bare_syscall(long number, long a, long b, long c, long d) {
  long result;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                   : "rcx", "r11", "memory");
  return result;
}

_Noreturn static inline void bare_exit(int status) {
  for (;;) bare_syscall(231 /* exit_group */, status, 0, 0, 0);
}

/* The kernel enters with argc at the stack pointer, which no C function can read: hand it over as an
 * argument. */
#define BARE_ENTRY(function) \
  __asm__(                   \
      ".globl _start\n"      \
      "_start:\n"            \
      "  xor %ebp, %ebp\n"   \
      "  mov %rsp, %rdi\n"   \
      "  and $-16, %rsp\n"   \
      "  call " #function "\n")
