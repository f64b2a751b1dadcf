// shoji-oci: the OCI runtime.
#include "cli/oci/verb.h"

int main(int argc, char** argv) {
  return shoji::cli::run_program({argv + (argc > 0 ? 1 : 0), argv + argc});
}
