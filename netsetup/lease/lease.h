#pragma once
// Who has which address: one file for each, below a directory of the network, changed under the network's lock.
//
//   DIRECTORY/lock
//   DIRECTORY/next-4, next-6     where the search for a free address goes on, so that one is not given anew at once
//   DIRECTORY/ADDRESS            "PARTITION\nBOOT-ID\n"
//
// A lease is made by link(2) of a complete file, so that it is there as a whole or not at all. It belongs to the boot in
// which it was made: one of an earlier boot counts as free, since nothing that runs can hold it.
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/io.h"
#include "netsetup/address/address.h"

namespace shoji::net {

struct LeasePool {
  std::string directory;
  Address first, last;            // both included
  std::vector<Address> reserved;  // gateways and the like: never given
};

struct Lease {
  Address address;
  std::string partition;
  std::string boot_id;
};

// /proc/sys/kernel/random/boot_id.
Result<std::string> current_boot_id();

// A free address of the pool for `partition`. When all are taken: kState with how many there are.
Result<Address> lease_any(const LeasePool& pool, const std::string& partition, const std::string& boot_id);
// This one; kExists says who has it. It need not be in the range from first to last. Having it already is fine.
Result<> lease_address(const LeasePool& pool, const Address& address, const std::string& partition,
                       const std::string& boot_id);
// What is not leased to `partition` stays.
Result<> release_address(const LeasePool& pool, const Address& address, const std::string& partition);
Result<std::vector<Lease>> list_leases(const LeasePool& pool);
// Removes leases of earlier boots and those whose partition `lives` does not know; returns them.
Result<std::vector<Lease>> sweep_leases(const LeasePool& pool, const std::string& boot_id,
                                        const std::function<bool(const std::string& partition)>& lives);

}  // namespace shoji::net
