#include "base/io.h"
#include "base/rollback.h"
#include "cli/net/attach_request.h"
#include "netsetup/netns/netns.h"

namespace shoji::cli::net {

using shoji::net::Attachment;
using shoji::net::HostNetworks;
using shoji::net::NetworkStore;

namespace {

// What is pinned for a partition that takes another's namespace, or none.
Result<> pin(const NetworkStore& store, const PartitionPlan& plan, Rollback& rollback) {
  std::string directory = store.netns_directory();
  const std::string& partition = plan.request.partition;
  bool there = shoji::net::open_netns(directory, partition).has_value();
  TRY(make_directories(directory, 0700));
  TRY(shoji::net::pin_choice(directory, partition, plan.choices));
  if (!there)
    rollback.add([directory, partition] {
      ignore(shoji::net::remove_netns(directory, partition), "the first error counts");
    });
  return {};
}

}  // namespace

Result<std::vector<Attachment>> carry_out(HostNetworks& host, std::span<const PartitionPlan> plans) {
  Rollback rollback;
  std::vector<shoji::net::PartitionRequest> requests;
  for (const PartitionPlan& plan : plans) {
    if (plan.request.networks.empty()) {
      TRY(pin(host.store(), plan, rollback));
    } else {
      requests.push_back(plan.request);
    }
  }
  std::vector<Attachment> out;
  if (!requests.empty()) {
    TRY_ASSIGN(out, host.attach(requests));
  }
  rollback.commit();
  return out;
}

}  // namespace shoji::cli::net
