#pragma once
// linux.maskedPaths and linux.readonlyPaths (config-linux.md). Absent paths are passed over.
#include "base/error.h"
#include "base/step_list.h"
#include "namespaces/mounts/mount_facts.h"
#include "spec/spec.h"

namespace shoji {

// Read-only paths first, as runc: a masked path below a read-only one is covered once, on top.
Result<> plan_hidden_paths(const Spec& spec, const MountFacts& facts, StepList& list);

}  // namespace shoji
