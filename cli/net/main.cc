// shoji-net: the verbs of shoji that talk to the kernel's network configuration through libnl and libnftables. shoji
// executes it; it calls itself shoji, because that is what was typed.
#include "cli/net/verbs.h"

int main(int argc, char** argv) {
  using namespace shoji::cli;
  op::Globals globals;
  return run_program(op::describe(net::net_verbs()), &globals, {argv + (argc > 0 ? 1 : 0), argv + argc});
}
