#pragma once
// The end of a container.
#include "base/error.h"
#include "cgroups/manager.h"
#include "runtime/state_store.h"

namespace shoji {

// Ends what still lives, removes the control group, runs the poststop hooks, forgets the facts. Works on whatever a
// killed verb has left, and again after being killed itself. The caller holds the lock.
Result<> tear_down(const StateStore& store, const StateStore::Locked& container, const ContainerFacts& facts,
                   Cgroup& cgroup);

}  // namespace shoji
