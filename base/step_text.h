#pragma once
// Steps in the user's words: what the child was doing when the kernel refused, for example
// `mount "proc" on "/proc" (nosuid,noexec)` or `create device "/dev/null"`. The caller appends the errno's
// text.
#include <cstdint>
#include <string>

#include "base/step.h"
#include "base/step_list.h"

namespace shoji {

// The sentence for step `index` of `list`, whose part `part` did not work. Total: any index, kind and part
// gives text.
std::string step_text(const StepList& list, uint32_t index, StepPart part = StepPart::kWhole);

// One line that shows every operand, for golden tests and --debug: `attach a=1 s0="/proc"`.
std::string step_dump(const StepList& list, uint32_t index);

}  // namespace shoji
