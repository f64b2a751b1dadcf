#pragma once
// Steps in the user's words: what the child was doing when the kernel refused, for example
// `mount "proc" on "/proc" (nosuid,noexec)` or `create device "/dev/null"`. The caller appends the errno's
// text.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/step.h"
#include "base/step_list.h"

namespace shoji {

// The sentence for step `index` of `list`, whose part `part` did not work. Total: any index, kind and part
// gives text.
std::string step_text(const StepList& list, uint32_t index, StepPart part = StepPart::kWhole);

// One line that shows every operand, for golden tests and --debug: `attach a=1 s0="/proc"`.
std::string step_dump(const StepList& list, uint32_t index);

// Names of mount attributes and propagation: MOUNT_ATTR_NOSUID|MOUNT_ATTR_RDONLY -> "ro,nosuid";
// MS_SLAVE|MS_REC -> "rslave".
std::string mount_attr_text(uint64_t attributes);
std::string propagation_text(uint64_t flags);
// CLONE_NEW* bits as the words of the configuration: "pid", "ipc and uts".
std::string namespace_text(uint64_t clone_flags);
// A resource of prlimit(2) as the configuration spells it: "RLIMIT_NOFILE".
std::string rlimit_text(uint32_t resource);

}  // namespace shoji
