#pragma once
// The container's root: the propagation of the host's tree, the clone of the root filesystem, and entering
// it.
#include "base/error.h"
#include "base/step_list.h"
#include "namespaces/mounts/mount_facts.h"
#include "namespaces/mounts/mount_steps.h"
#include "spec/spec.h"

namespace shoji {

// First steps of all: afterwards the root is open and every path is resolved below it.
Result<> plan_root(const Spec& spec, const MountFacts& facts, StepList& list, MountPlan& plan);

// root.readonly: after everything that is made inside.
Result<> plan_read_only_root(const Spec& spec, const MountFacts& facts, StepList& list);

// Makes the root "/": pivot_root(2), or a move (--no-pivot, for a root on a ramfs), or chroot(2) when the
// container shares the host's mount namespace. Then the propagation that the configuration asks for.
void plan_enter_root(const Spec& spec, const MountFacts& facts, bool no_pivot, StepList& list);

}  // namespace shoji
