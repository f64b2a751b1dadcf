#pragma once
// What the plan has to know of the host and of the runtime's own process, read once.
#include <sys/resource.h>

#include <cstdint>
#include <string>

#include "base/error.h"

namespace shoji {

struct HostFacts {
  bool can_raise_limits = false;   // CAP_SYS_RESOURCE is effective
  bool in_user_namespace = false;  // not the initial user namespace: no mknod, other rules
  bool kcore = false;              // the kernel was built with /proc/kcore
  uint64_t effective_caps = 0;
  int last_cap = 40;
  rlimit limits[RLIM_NLIMITS] = {};
};

HostFacts read_host_facts();

}  // namespace shoji
