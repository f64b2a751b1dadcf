#pragma once
// Option rows that several verbs share.
#include "cli/options.h"
#include "runtime/container.h"

namespace shoji::cli::oci {

// Rows of create and run alike; a verb's table starts with them.
inline constexpr Option kBundleOption =
    option<&CreateOptions::bundle>("bundle", 'b', "directory of the bundle", ".");
inline constexpr Option kConfigOption =
    option<&CreateOptions::config>("config", 0, "configuration file, instead of config.json in the bundle");
inline constexpr Option kConsoleSocketOption = option<&CreateOptions::console_socket>(
    "console-socket", 0, "AF_UNIX socket that is sent the master end of the terminal");
inline constexpr Option kPidFileOption =
    option<&CreateOptions::pid_file>("pid-file", 0, "file to write the process id to");
inline constexpr Option kNoPivotOption = option<&CreateOptions::no_pivot>(
    "no-pivot", 0, "move the root mount instead of pivot_root(2): for a ramdisk");
inline constexpr Option kNoNewKeyringOption = option<&CreateOptions::no_new_keyring>(
    "no-new-keyring", 0, "keep the caller's session keyring instead of a new one");
inline constexpr Option kPreserveFdsOption = option<&CreateOptions::preserve_fds>(
    "preserve-fds", 0, "pass this many descriptors from 3 on to the container", "0");

}  // namespace shoji::cli::oci
