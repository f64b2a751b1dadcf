#pragma once
// Partitions that are attached to networks in one step.
#include <map>

#include "netsetup/attach/links.h"
#include "netsetup/host/context.h"
#include "netsetup/host/host_networks.h"

namespace shoji::net {

class BulkAttach {
 public:
  explicit BulkAttach(HostContext& context) : context_(context) {}
  // All, or nothing of it is left.
  Result<std::vector<Attachment>> run(const std::vector<PartitionRequest>& requests);

 private:
  struct Partition {
    const PartitionRequest* request;
    UniqueFd netns;
    std::string netns_path;
  };
  Result<> prepare(const std::vector<PartitionRequest>& requests);
  Result<> begin(const PartitionRequest& request);
  Result<> decide(size_t partition);
  Result<> lease(size_t partition);
  Result<> decide_netns(size_t partition, Work& header);
  Result<Attachment> decide_one(size_t partition, const AttachRequest& wanted,
                                const std::vector<Attachment>& others);
  Result<> make();
  Result<> run_plugins();
  Result<> claim_all_ports();
  Result<> tell_firewall(FirewallHold& hold);
  Result<> write_records();

  HostContext& context_;
  std::vector<Partition> partitions_;
  std::vector<Work> works_;  // one for each of partitions_, as its pending file says
  std::vector<Pending> pending_;
  std::map<std::string, HeldNetwork, std::less<>> networks_;
};

}  // namespace shoji::net
