/* The payload of every start measured here: exit with status 0, and nothing else. */
#include "bench/bare.h"

BARE_ENTRY(bare_main);

_Noreturn void bare_main(long* stack);
_Noreturn void bare_main(long* stack) {
  (void)stack;
  bare_exit(0);
}
