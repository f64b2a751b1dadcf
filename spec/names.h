#pragma once
// The words of the specification for numbers of the kernel. Numbers of libseccomp (actions, operators,
// architectures) are namespaces/ business: here are their names only.
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace shoji {

struct NamedNumber {
  std::string_view name;
  int64_t number = 0;
};
using NameTable = std::span<const NamedNumber>;

// CLONE_NEW*, in the order in which namespaces are joined: user first, since it grants the rights for the
// others.
NameTable namespace_types();
NameTable capabilities();         // "CAP_CHOWN", in the order of their numbers
NameTable rlimits();              // "RLIMIT_AS"
NameTable io_priority_classes();  // "IOPRIO_CLASS_RT"
NameTable scheduler_policies();   // "SCHED_OTHER"
NameTable scheduler_flags();      // "SCHED_FLAG_RESET_ON_FORK"
NameTable memory_policy_modes();  // "MPOL_BIND"
NameTable memory_policy_flags();  // "MPOL_F_STATIC_NODES"
NameTable personality_domains();  // "LINUX32"
NameTable seccomp_flags();        // "SECCOMP_FILTER_FLAG_LOG"
// Names without numbers (all 0).
NameTable seccomp_actions();
NameTable seccomp_operators();
NameTable seccomp_architectures();

std::optional<int64_t> find_number(NameTable table, std::string_view name);
// The name of a number, empty if there is none.
std::string_view find_name(NameTable table, int64_t number);
// "a, b or c", for messages.
std::string list_names(NameTable table);

// "SIGTERM", "term", "15", "RTMIN+3", "SIGRTMAX-1". 0 is taken: it only asks whether the process is there.
Result<int> parse_signal(std::string_view text);
// "SIGTERM", "SIGRTMIN+3"; the digits for a number that has no name.
std::string signal_name(int number);

}  // namespace shoji
