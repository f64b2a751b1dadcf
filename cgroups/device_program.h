#pragma once
// Device rules as a BPF program of type BPF_PROG_TYPE_CGROUP_DEVICE, assembled by hand: no library, no
// compiler.
#include <linux/bpf.h>

#include <vector>

#include "cgroups/device_rules.h"

namespace shoji {

// Returns 1 to the kernel for what the rules allow, 0 for the rest; exactly allows_device().
std::vector<bpf_insn> device_program(const std::vector<DevicePermission>& rules);

}  // namespace shoji
