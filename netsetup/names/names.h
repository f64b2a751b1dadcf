#pragma once
// /etc/hosts, /etc/resolv.conf and /etc/hostname of partitions: made in a directory of the partition, bound into it, and
// rewritten in place (same inode) when members come and go, so that a bind mount shows the change.
#include <string>
#include <vector>

#include "base/error.h"
#include "netsetup/address/address.h"

namespace shoji::net {

struct HostEntry {
  Address address;
  std::vector<std::string> names;
};
struct NameFiles {
  std::string hostname, domain;
  std::vector<HostEntry> hosts;  // besides localhost
  std::vector<Address> dns;      // empty: the host's, without loopback ones
  std::vector<std::string> search, options;
};
Result<> write_name_files(const std::string& directory, const NameFiles& files);
// The parts of a resolv.conf(5) that a partition can use: servers on the host's loopback are left out. Absent: nothing.
Result<NameFiles> read_resolv_conf(const std::string& path);

}  // namespace shoji::net
