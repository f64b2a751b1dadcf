#pragma once
// What the mount, device and root plans have to know of the host and of the container's namespaces, as plain
// data.
#include <cstdint>
#include <string>
#include <vector>

#include "namespaces/id_map.h"

namespace shoji {

// One control group hierarchy as the container may see it.
struct CgroupMount {
  std::string name;  // field of /proc/self/cgroup: "cpu,cpuacct", "name=systemd"; empty: the unified one (v2)
  std::string mount;      // mount point on the host
  std::string directory;  // the container's own cgroup as a directory of the host
};

struct MountFacts {
  std::string bundle;  // absolute host paths
  std::string rootfs;
  bool new_mount_namespace = true;
  bool new_pid_namespace = true;
  bool new_network_namespace = true;
  bool new_ipc_namespace = true;
  bool new_cgroup_namespace = false;
  bool user_namespace = false;  // the container's user namespace is not the runtime's
  IdMaps maps;                  // its maps
  bool runtime_in_user_namespace =
      false;                         // not the initial one: some filesystems are refused (user_namespaces(7))
  bool can_mknod = true;             // the runtime has CAP_MKNOD in the initial user namespace
  bool kcore = false;                // the kernel has /proc/kcore, for /dev/core
  bool selinux = false;              // the host has SELinux, so that labels of mounts mean something
  std::vector<CgroupMount> cgroups;  // the unified one, if there is one, comes first
};

}  // namespace shoji
