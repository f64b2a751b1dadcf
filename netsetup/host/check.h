#pragma once
// The kernel and the files compared with the records of attachments, and made so again.
#include <functional>
#include <map>
#include <unordered_map>

#include "netsetup/host/context.h"
#include "netsetup/host/host_networks.h"
#include "netsetup/link/listing.h"

namespace shoji::net {

// Collects what is found; with `repair` each fault is mended as it is found.
class Faults {
 public:
  explicit Faults(bool repair) : repair_(repair) {}
  void found(std::string subject, std::string what, const std::function<Result<>()>& mend = {});
  void add(Fault fault) { faults_.push_back(std::move(fault)); }
  [[nodiscard]] bool repairs() const { return repair_; }
  std::vector<Fault> take() { return std::move(faults_); }

 private:
  bool repair_;
  std::vector<Fault> faults_;
};

// What the host has, one dump of each.
struct HostFacts {
  std::unordered_map<std::string, LinkFacts> links;
  std::multimap<int, QueueFacts> queues;
  static Result<HostFacts> read(RouteSocket& host);
};

// The interfaces of one attachment on the host and in the partition, addresses, routes and rates. The caller holds the
// partition's pending file.
Result<> check_interfaces(HostContext& context, const HostFacts& facts, const Network& network,
                          const Attachment& attachment, Faults& faults);
// Leases and claims of ports that nobody has, and those that attachments lack.
Result<> check_claims(HostContext& context, const std::vector<Network>& networks, Faults& faults);
// What plugins of CNI keep for nobody.
Result<> check_plugins(HostContext& context, Faults& faults);
// Interfaces and pinned namespaces that belong to nobody.
Result<> check_strays(HostContext& context, const std::vector<Network>& networks, Faults& faults);

// Our tables, and the services in them.
Result<> check_firewall(HostContext& context, Faults& faults);

std::string fault_subject(const Attachment& attachment);  // `partition "web1", network "farm"`

Result<std::vector<Fault>> check_host(HostContext& context, bool repair);

}  // namespace shoji::net
