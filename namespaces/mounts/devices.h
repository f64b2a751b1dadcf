#pragma once
// Device nodes: the defaults of config-linux.md "Default Devices" and those of the configuration.
#include <string>
#include <vector>

#include "base/error.h"
#include "base/step_list.h"
#include "namespaces/mounts/mount_facts.h"
#include "spec/spec.h"

namespace shoji {

// Nodes are made with mknod(2); where that is refused (user namespaces, no CAP_MKNOD) the host's node of the
// same number is bound instead, with the host's owner and mode: a configuration that wants others gets a warning.
// Nothing is made when /dev is a bind mount, as runc does: it is the host's then.
Result<> plan_devices(const Spec& spec, const MountFacts& facts, StepList& list,
                      std::vector<std::string>& warnings);

}  // namespace shoji
