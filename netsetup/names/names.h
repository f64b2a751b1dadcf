#pragma once
// /etc/resolv.conf and /etc/hostname of partitions: made in a directory of the partition, bound into it, and rewritten in
// place (same inode), so that a bind mount shows the change. Their /etc/hosts is in netsetup/names/live.h.
#include <string>
#include <vector>

#include "base/error.h"
#include "netsetup/address/address.h"

namespace shoji::net {

struct ResolverFiles {
  std::string hostname;
  std::vector<Address> dns;
  std::vector<std::string> search, options;
};
Result<> write_resolver_files(const std::string& directory, const ResolverFiles& files);
// The parts of a resolv.conf(5) that a partition can use: servers on the host's loopback are left out. Absent: nothing.
Result<ResolverFiles> read_resolv_conf(const std::string& path);

}  // namespace shoji::net
