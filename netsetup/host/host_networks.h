#pragma once
// The networks of this host as a verb works with them: leases, links, firewall, ports, rates and counters put together,
// so that many partitions at once cost one batch of each, and a kill at any moment is mended by the next verb.
//
//   RUN/pending/     what a verb is about to make or to remove, locked while the verb lives: whoever comes next clears what
//                    an unlocked one names. Empty as a rule, so that looking costs the same with 10 and 1,000 partitions.
//   RUN/ports/       who publishes which port (netsetup/ports/ports.h)
// and what netsetup/attach/network_store.h says.
#include <memory>
#include <string>
#include <vector>

#include "netsetup/attach/attach.h"

namespace shoji::net {

struct PartitionRequest {
  std::string partition;
  std::string netns;        // path of its network namespace; empty: the pinned one, RUN/netns/PARTITION
  bool make_netns = false;  // pin a new one when there is none
  std::vector<AttachRequest> networks;  // `partition` and `netns` in them are filled in here
};

// What changes on a partition's interface while it runs; what is not named stays.
struct AttachmentChange {
  std::optional<Rates> rates;
  std::optional<std::vector<PublishedPort>> ports;
  std::optional<std::vector<AccessRule>> rules;
};

// One thing that is not as the records say.
struct Fault {
  std::string subject;  // `partition "web1", network "farm"`
  std::string what;     // a sentence: `its interface sj0a070002 is gone`
  bool repaired = false;
};

class HostNetworks {
 public:
  // Clears what killed verbs left.
  static Result<HostNetworks> open(NetworkStore store);
  HostNetworks(HostNetworks&&) noexcept;
  ~HostNetworks();

  // All or nothing. Errors: kNotFound (network, namespace), kExists (address, port or interface name, with who has it),
  // kState (pool exhausted).
  Result<std::vector<Attachment>> attach(const std::vector<PartitionRequest>& requests);
  // From a running partition: its interface is gone when this returns. kNotFound.
  Result<> detach(const std::string& partition, const std::string& network);
  // All networks of partitions that have ended, and their pinned namespaces; what is not there is fine. The kernel
  // takes the interfaces away together with the namespaces, after this returned.
  Result<> remove(const std::vector<std::string>& partitions);
  Result<Attachment> change(const std::string& partition, const std::string& network,
                            const AttachmentChange& change);

  // The documents, and what they mean for bridges and firewall, in one step.
  Result<> create_network(const Network& network);
  Result<> replace_network(const Network& network);
  Result<> remove_network(const std::string& name);

  // Compares links, addresses, routes, rates, firewall, leases, ports and namespaces with the records; with `repair` makes
  // them so again, and removes what belongs to nobody.
  Result<std::vector<Fault>> check(bool repair);

  [[nodiscard]] const NetworkStore& store() const;

 private:
  struct State;
  explicit HostNetworks(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace shoji::net
