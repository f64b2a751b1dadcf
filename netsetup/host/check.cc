#include "netsetup/host/check.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "netsetup/attach/links.h"
#include "netsetup/cni/cni.h"
#include "netsetup/host/documents.h"
#include "netsetup/usage/quota.h"

namespace shoji::net {

namespace {

std::string network_subject(const Network& network) {
  return cat("network ", quote(network.name));
}

Result<> check_bridges(HostContext& context, const HostFacts& facts, const std::vector<Network>& networks,
                       Faults& faults) {
  TRY_ASSIGN(std::vector<AddressFacts> addresses, list_addresses(context.host));
  for (const Network& network : networks) {
    if (network.kind != NetworkKind::kBridge) continue;
    std::string name = network.interface_name();
    auto found = facts.links.find(name);
    // Made by its first attachment after a boot.
    if (found == facts.links.end()) continue;
    auto mend = [&] { return adjust_network(context.host, network); };
    const LinkFacts& bridge = found->second;
    if (!bridge.up) faults.found(network_subject(network), cat("its interface ", name, " is down"), mend);
    if (network.mtu != 0 && bridge.mtu != network.mtu)
      faults.found(network_subject(network), cat("its interface ", name, " has the MTU ", bridge.mtu), mend);
    for (const Subnet& subnet : network.subnets) {
      if (!subnet.gateway) continue;
      Prefix wanted{*subnet.gateway, subnet.prefix.length};
      auto same = [&](const AddressFacts& a) { return a.index == bridge.index && a.address == wanted; };
      if (std::ranges::none_of(addresses, same))
        faults.found(network_subject(network), cat("its interface ", name, " has no address ", wanted.text()),
                     mend);
    }
  }
  return {};
}

Result<> check_attachment(HostContext& context, const HostFacts& facts, const std::vector<Network>& networks,
                          const Attachment& attachment, Faults& faults) {
  if (attachment.kind == NetworkKind::kCni) {
    if (Result<> said = cni_check_attachment(context.store, attachment.partition, attachment.network); !said)
      faults.found(fault_subject(attachment), said.error().text);
    return {};
  }
  auto network = std::ranges::find(networks, attachment.network, &Network::name);
  if (network == networks.end()) {
    faults.found(fault_subject(attachment), "the network is not defined any more");
    return {};
  }
  // A kill while the network was changed.
  if (attachment.gateways != gateways_of(*network, attachment)) {
    faults.found(fault_subject(attachment), "its gateways are not the network's",
                 [&] { return follow(context, facts, *network, *network, attachment); });
    return {};
  }
  return check_interfaces(context, facts, *network, attachment, faults);
}

// What they said is gone; whatever it stood for belongs to nobody then, and is found as such.
Result<> check_records(HostContext& context, Faults& faults) {
  TRY_ASSIGN(std::vector<DamagedRecord> damaged, damaged_records(context.store));
  for (const DamagedRecord& record : damaged)
    faults.found("this host", cat("a record cannot be read: ", record.why), [&]() -> Result<> {
      if (unlink(record.path.c_str()) == 0 || errno == ENOENT) return {};
      return fail_errno(errno, cat("remove ", quote(record.path)));
    });
  return {};
}

// Locked, so that nothing that is just being made looks like half of it.
Result<> check_partition(HostContext& context, HostFacts& facts, const std::vector<Network>& networks,
                         const std::string& partition, Faults& faults) {
  TRY_ASSIGN(Pending pending, Pending::begin(context.store.run, partition, "", context.clear()));
  auto looked = [&]() -> Result<> {
    TRY_ASSIGN(std::vector<Attachment> attachments, list_attachments(context.store, partition));
    for (const Attachment& attachment : attachments) {
      // Made since we looked at the host.
      if (attachment.has_host_end() && !facts.links.contains(attachment.host_interface) &&
          context.host.index_of(attachment.host_interface)) {
        TRY_ASSIGN(facts, HostFacts::read(context.host));
      }
      TRY(check_attachment(context, facts, networks, attachment, faults));
    }
    return {};
  }();
  TRY(pending.finish());
  return looked;
}

// After the firewall was looked at: where the ruleset was lost, so were they.
Result<> check_quotas(HostContext& context, Faults& faults) {
  auto firewall = [&] { return context.firewall(); };
  TRY_ASSIGN(std::vector<std::string> lost, lost_quotas(context.store, firewall));
  for (const std::string& partition : lost)
    faults.found(cat("partition ", quote(partition)), "its quota is not in the kernel",
                 [&] { return arm_quotas(context.store, context.host, firewall, {partition}); });
  return {};
}

}  // namespace

void Faults::found(std::string subject, std::string what, const std::function<Result<>()>& mend) {
  Fault fault{.subject = std::move(subject), .what = std::move(what)};
  if (repair_ && mend) {
    if (Result<> mended = mend(); mended) {
      fault.repaired = true;
    } else {
      fault.what += cat(", and that cannot be mended: ", mended.error().text);
    }
  }
  faults_.push_back(std::move(fault));
}

std::string fault_subject(const Attachment& attachment) {
  return cat("partition ", quote(attachment.partition), ", network ", quote(attachment.network));
}

Result<HostFacts> HostFacts::read(RouteSocket& host) {
  HostFacts out;
  TRY_ASSIGN(std::vector<LinkFacts> links, list_links(host));
  for (LinkFacts& link : links) out.links.emplace(link.name, std::move(link));
  TRY_ASSIGN(std::vector<QueueFacts> queues, list_queues(host));
  for (QueueFacts& queue : queues) out.queues.emplace(queue.index, std::move(queue));
  return out;
}

Result<std::vector<Fault>> check_host(HostContext& context, bool repair) {
  Faults faults(repair);
  if (Result<> cleared = clear_pending(context.store.run, context.clear()); !cleared)
    faults.found("this host", cleared.error().text);
  TRY_ASSIGN(std::vector<Network> networks, list_networks(context.store));
  TRY(check_records(context, faults));
  TRY_ASSIGN(HostFacts facts, HostFacts::read(context.host));
  TRY(check_bridges(context, facts, networks, faults));
  TRY_ASSIGN(std::vector<std::string> partitions, list_attached_partitions(context.store));
  for (const std::string& partition : partitions)
    TRY(check_partition(context, facts, networks, partition, faults));
  TRY(check_claims(context, networks, faults));
  TRY(check_plugins(context, faults));
  TRY(check_strays(context, networks, faults));
  TRY(check_firewall(context, faults));
  TRY(check_quotas(context, faults));
  return faults.take();
}

}  // namespace shoji::net
