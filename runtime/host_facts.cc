#include "runtime/host_facts.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"

namespace shoji {
namespace {

// The initial user namespace maps every id to itself (user_namespaces(7)).
bool initial_user_namespace() {
  auto map = read_file("/proc/self/uid_map");
  if (!map) return true;
  size_t words = 0;
  uint64_t value[3] = {};
  bool in_number = false;
  for (char c : *map) {
    if (c >= '0' && c <= '9') {
      if (!in_number && words < 3) ++words;
      in_number = true;
      value[words - 1] = value[words - 1] * 10 + static_cast<uint64_t>(c - '0');
    } else if (c == '\n') {
      break;
    } else {
      in_number = false;
    }
  }
  return words == 3 && value[0] == 0 && value[1] == 0 && value[2] == 4294967295U;
}

uint64_t effective_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return 0;
  return static_cast<uint64_t>(data[1].effective) << 32 | data[0].effective;
}

}  // namespace

HostFacts read_host_facts() {
  HostFacts facts;
  facts.effective_caps = effective_capabilities();
  facts.kcore = access("/proc/kcore", F_OK) == 0;
  facts.in_user_namespace = !initial_user_namespace();
  facts.can_raise_limits = (facts.effective_caps >> CAP_SYS_RESOURCE & 1) != 0 && !facts.in_user_namespace;
  // The last capability is the highest that the kernel answers for; kernels differ by few from the one we know.
  facts.last_cap = CAP_LAST_CAP;
  while (facts.last_cap > 0 && prctl(PR_CAPBSET_READ, facts.last_cap, 0, 0, 0) < 0) --facts.last_cap;
  while (prctl(PR_CAPBSET_READ, facts.last_cap + 1, 0, 0, 0) >= 0) ++facts.last_cap;
  for (int resource = 0; resource < static_cast<int>(RLIM_NLIMITS); ++resource)
    getrlimit(static_cast<__rlimit_resource>(resource), &facts.limits[resource]);
  return facts;
}

}  // namespace shoji
