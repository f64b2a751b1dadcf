#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/io.h"
#include "netsetup/cni/cni.h"
#include "netsetup/host/context.h"
#include "netsetup/link/requests.h"
#include "netsetup/names/live.h"
#include "netsetup/netns/netns.h"
#include "netsetup/ports/ports.h"

namespace shoji::net {

namespace {

// A macvlan has no end on the host: it is looked for where it was put, if that is still the same namespace.
Result<> remove_macvlan(const Attachment& attachment) {
  Result<UniqueFd> netns = open_file(attachment.netns, O_RDONLY);
  struct stat facts{};
  if (!netns || fstat(netns->get(), &facts) != 0 || facts.st_ino != attachment.netns_id) return {};
  TRY_ASSIGN(RouteSocket there, RouteSocket::open_in(netns->get()));
  Batch batch;
  remove_link(batch, attachment.interface);
  return batch.send(there);
}

std::vector<FirewallEndpoint> endpoints_of(std::span<const Work> works) {
  std::vector<FirewallEndpoint> out;
  for (const Work& work : works)
    for (const Attachment& attachment : work.attachments)
      if (!work.firewall_is_clean && attachment.has_host_end()) out.push_back(firewall_endpoint(attachment));
  return out;
}

}  // namespace

std::vector<std::string> host_interfaces(std::span<const Work> works) {
  std::vector<std::string> out;
  for (const Work& work : works) {
    for (const Attachment& attachment : work.attachments) {
      if (!attachment.has_host_end()) continue;
      out.push_back(attachment.host_interface);  // and the other end with it, in whatever namespace that is
      if (attachment.rates.out != 0) out.push_back(rate_interface(attachment.host_interface));
    }
  }
  return out;
}

std::string port_holder(const Attachment& attachment) {
  return cat("partition ", quote(attachment.partition), " on network ", quote(attachment.network));
}

Result<> claim_ports_of(const NetworkStore& store, const Attachment& attachment) {
  if (attachment.ports.empty() || !attachment.has_host_end()) return {};
  std::vector<Family> families;
  for (const Prefix& address : attachment.addresses) families.push_back(address.address.family());
  return claim_ports(store.run, port_holder(attachment), attachment.ports, families);
}

Result<> release_ports_of(const NetworkStore& store, const Attachment& attachment) {
  if (attachment.ports.empty() || !attachment.has_host_end()) return {};
  return release_ports(store.run, port_holder(attachment), attachment.ports);
}

Result<> release(const NetworkStore& store, const Work& work) {
  for (const Attachment& attachment : work.attachments) {
    TRY(release_ports_of(store, attachment));
    if (attachment.kind == NetworkKind::kCni) {
      TRY(cni_detach(store, work.partition, attachment.network));
    } else {
      TRY(release_addresses(store, attachment));
    }
  }
  for (const std::string& network : work.networks) {
    auto same = [&](const Attachment& attachment) { return attachment.network == network; };
    // Killed while it leased: only the leases themselves know.
    if (!network.starts_with("cni:") && std::ranges::none_of(work.attachments, same))
      TRY(release_every_address(store, work.partition, network));
  }
  for (const Attachment& attachment : work.attachments)
    TRY(remove_record(store, work.partition, attachment.network));
  TRY(remove_names(store, work.attachments));
  if (work.pin) TRY(remove_netns(store.netns_directory(), work.partition));
  return {};
}

Result<> take_from_firewall(HostContext& context, std::span<Work> works) {
  std::vector<FirewallEndpoint> endpoints = endpoints_of(works);
  if (!endpoints.empty()) {
    TRY_ASSIGN(Firewall * firewall, context.firewall());
    context.must_linger = true;
    TRY(firewall->remove(endpoints));
    for (const FirewallEndpoint& endpoint : endpoints)
      context.left_addresses.insert(context.left_addresses.end(), endpoint.addresses.begin(),
                                    endpoint.addresses.end());
  }
  for (Work& work : works) work.firewall_is_clean = true;
  return {};
}

Result<> take_back(HostContext& context, std::span<Work> works) {
  TRY_ASSIGN(FirewallHold hold, FirewallHold::take(context.store.run, LOCK_SH));
  TRY(take_from_firewall(context, works));
  for (const Work& work : works)
    for (const Attachment& attachment : work.attachments)
      if (attachment.kind == NetworkKind::kMacvlan) TRY(remove_macvlan(attachment));
  TRY(remove_links(context.host, host_interfaces(works)));
  std::vector<std::string> partitions;
  for (const Work& work : works) {
    TRY(release(context.store, work));
    if (!work.attachments.empty()) partitions.push_back(work.partition);
  }
  // What other networks the partition has counts from now on.
  return partitions.empty() ? Result<>{} : tell_services(context, partitions, false);
}

}  // namespace shoji::net
