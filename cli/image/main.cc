// shoji-image: the verbs of shoji that need libraries for registries and archives. shoji executes it; it calls itself
// shoji, because that is what was typed.
#include "cli/image/verbs.h"

int main(int argc, char** argv) {
  using namespace shoji::cli;
  op::Globals globals;
  return run_program(op::describe(image::image_verbs()), &globals, {argv + (argc > 0 ? 1 : 0), argv + argc});
}
