#pragma once
// What the facts on disk and the kernel together say about a container.
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "cgroups/manager.h"
#include "runtime/container.h"
#include "spec/spec.h"
#include "spec/state_doc.h"

namespace shoji {

// The start gate: a FIFO that the container's first process reads until its program is executed.
inline constexpr const char* kGateFile = "start";
// Takes the message of a step that does not work behind the gate.
inline constexpr const char* kReportFile = "report";

// Status and pid are derived each time.
Result<ContainerView> inspect(const StateStore& store, ContainerFacts facts);

// The first process; empty when it has ended.
Result<std::optional<UniqueFd>> first_process(const ContainerFacts& facts);

// The container's control group again.
Result<Cgroup> open_cgroup(const ContainerFacts& facts);

// The configuration as it was at create.
Result<Spec> load_saved_spec(const StateStore& store, const std::string& id);

// The state document of runtime.md; it refers to the facts. hook_state() is it as hooks read it, on one line.
StateDocument state_document(const ContainerFacts& facts, Status status, pid_t pid);
std::string hook_state(const ContainerFacts& facts, Status status, pid_t pid);

}  // namespace shoji
