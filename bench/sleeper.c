/* The payload of a container that has to be running: waits for a signal that ends it. */
#include "bench/bare.h"

BARE_ENTRY(bare_main);

_Noreturn void bare_main(long* stack);
_Noreturn void bare_main(long* stack) {
  (void)stack;
  for (;;) bare_syscall(34 /* pause */, 0, 0, 0, 0);
}
