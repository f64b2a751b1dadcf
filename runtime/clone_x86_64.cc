#include <sys/syscall.h>

#include "runtime/clone.h"

namespace shoji {

// The child enters on its own stack and must not return into this frame: it calls straight from the assembly. Called
// values are kept in registers that the kernel leaves alone (all but rax, rcx, r11).
long clone_child(clone_args& arguments, void (*child)(void*), void* argument) {
  long result = 0;
  register void (*function)(void*) __asm__("r12") = child;
  register void* value __asm__("r13") = argument;
  __asm__ volatile(
      "syscall\n"
      "test %%rax, %%rax\n"
      "jnz 1f\n"
      "xor %%ebp, %%ebp\n"
      "mov %%r13, %%rdi\n"
      "and $-16, %%rsp\n"
      "call *%%r12\n"
      "hlt\n"
      "1:\n"
      : "=a"(result)
      : "a"(SYS_clone3), "D"(&arguments), "S"(sizeof arguments), "r"(function), "r"(value)
      : "rcx", "r11", "memory");
  return result;
}

}  // namespace shoji
