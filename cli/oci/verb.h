#pragma once
// What all verbs of shoji-oci share.
#include "cli/oci/exit_codes.h"
#include "cli/verb.h"

namespace shoji::cli::oci {

// The options before the verb.
struct Globals {
  std::string root;
  std::string log;
  std::string log_format = "text";
  std::string cgroup_manager = "cgroupfs";
  bool debug = false;
  bool systemd_cgroup = false;
  bool version = false;
};

// Completes a container's id.
inline constexpr std::string_view kContainerIds = "list -q";

extern const Program program;

}  // namespace shoji::cli::oci
