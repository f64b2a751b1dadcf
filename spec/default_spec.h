#pragma once
// The configuration that the `spec` verb writes, equal in meaning to runc's.
#include <cstdint>
#include <string>

namespace shoji {

struct DefaultSpecOptions {
  bool rootless = false;  // a user namespace that maps `uid` and `gid` to root, the host's network, no limits
  uint32_t uid = 0, gid = 0;
  bool cgroup_namespace = false;  // runc adds one where the host has cgroup v2 only
};

// Indented, with a newline at the end.
std::string default_spec(const DefaultSpecOptions& options);

}  // namespace shoji
