// shoji-oci: the OCI runtime.
#include "cli/oci/verb.h"

int main(int argc, char** argv) {
  shoji::cli::oci::Globals globals;
  return shoji::cli::run_program(shoji::cli::oci::program, &globals,
                                 {argv + (argc > 0 ? 1 : 0), argv + argc});
}
