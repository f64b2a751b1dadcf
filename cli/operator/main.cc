// shoji: the operator's program.
#include "cli/operator/verbs.h"

int main(int argc, char** argv) {
  using namespace shoji::cli;
  op::Globals globals;
  return run_program(op::describe(op::operator_verbs()), &globals, {argv + (argc > 0 ? 1 : 0), argv + argc});
}
