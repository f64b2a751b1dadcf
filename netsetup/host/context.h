#pragma once
// What the parts of HostNetworks share.
#include <optional>
#include <span>

#include "netsetup/firewall/firewall.h"
#include "netsetup/host/pending.h"
#include "netsetup/host/work.h"
#include "netsetup/service/whole_firewall.h"

namespace shoji::net {

struct HostContext {
  NetworkStore store;
  RouteSocket host;
  // A transaction that took something away is not followed by a Linger yet (netsetup/host/linger.h).
  bool must_linger = false;
  // Of those who left the firewall: what led to them must lead nowhere (a client of a UDP port keeps its translation as
  // long as it goes on sending).
  std::vector<Address> left_addresses;

  explicit HostContext(NetworkStore store_at, RouteSocket socket)
      : store(std::move(store_at)), host(std::move(socket)) {}
  // Opened when it is first needed.
  Result<Firewall*> firewall();
  // The same, with our tables whole.
  Result<Firewall*> ready_firewall(FirewallHold& hold);
  // Takes back what the pending file of a killed verb says.
  ClearPending clear();
  void close_firewall() { firewall_.reset(); }

 private:
  std::optional<Firewall> firewall_;
  bool ready_ = false;
};

// Removes what `works` name, as far as it is there: firewall, interfaces, ports, leases, records, pinned namespaces. Twice
// is as good as once. The caller holds the partitions' pending files.
Result<> take_back(HostContext& context, std::span<Work> works);

// The parts of it. From the firewall first, since ports and addresses may have a new holder when they are released.
Result<> take_from_firewall(HostContext& context, std::span<Work> works);
std::vector<std::string> host_interfaces(std::span<const Work> works);
Result<> release(const NetworkStore& store, const Work& work);

// Virtual services that have one of the partitions as a member learn that it has come, or that it is `leaving`.
Result<> tell_services(HostContext& context, std::span<const std::string> partitions, bool leaving);

// As who an attachment claims ports: a partition may publish some on several networks, and what one of them gives back is
// not the others'.
std::string port_holder(const Attachment& attachment);
// The ports that an attachment publishes (netsetup/ports/ports.h); cni: its plugins do.
Result<> claim_ports_of(const NetworkStore& store, const Attachment& attachment);
Result<> release_ports_of(const NetworkStore& store, const Attachment& attachment);

}  // namespace shoji::net
