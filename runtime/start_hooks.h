#pragma once
// startContainer hooks: programs of the container's own root, run inside it just before its program.
#include <string>

#include "base/error.h"
#include "runtime/state_store.h"
#include "spec/spec.h"

namespace shoji {

// `pidfd`: of the container's first process, which is made and has not executed the program.
Result<> run_start_container_hooks(const Spec& spec, const ContainerFacts& facts, int pidfd,
                                   const std::string& seccomp_cache);

}  // namespace shoji
