#include <algorithm>
#include <set>

#include "netsetup/host/check.h"
#include "netsetup/ports/ports.h"

namespace shoji::net {

namespace {

// Under the partition's lock: nobody is just making or removing what has no record.
Result<> when_unclaimed(HostContext& context, const std::string& partition,
                        const std::function<bool(const Attachment&)>& claims,
                        const std::function<Result<>()>& act) {
  if (!check_partition_name(partition)) return act();
  TRY_ASSIGN(Pending pending, Pending::begin(context.store.run, partition, "", context.clear()));
  auto done = [&]() -> Result<> {
    TRY_ASSIGN(std::vector<Attachment> attachments, list_attachments(context.store, partition));
    return std::ranges::any_of(attachments, claims) ? Result<>{} : act();
  }();
  TRY(pending.finish());
  return done;
}

bool has_address(const Attachment& attachment, const Address& address) {
  return std::ranges::find(attachment.addresses, address, &Prefix::address) != attachment.addresses.end();
}

Result<> check_leases(HostContext& context, const Network& network,
                      const std::vector<Attachment>& attachments, Faults& faults) {
  std::vector<LeasePool> pools = lease_pools(context.store, network);
  if (pools.empty()) return {};
  TRY_ASSIGN(std::string boot, current_boot_id());
  TRY_ASSIGN(std::vector<Lease> leases, list_leases(pools[0]));
  std::erase_if(leases, [&](const Lease& lease) { return lease.boot_id != boot; });
  std::map<Address, std::string> holders;
  for (const Lease& lease : leases) holders.emplace(lease.address, lease.partition);
  for (const Attachment& attachment : attachments) {
    if (attachment.network != network.name || attachment.kind == NetworkKind::kCni) continue;
    for (const Prefix& address : attachment.addresses) {
      auto holder = holders.find(address.address);
      if (holder != holders.end() && holder->second == attachment.partition) continue;
      faults.found(fault_subject(attachment),
                   cat("its address ", address.address.text(), " is not leased to it"),
                   [&] { return lease_address(pools[0], address.address, attachment.partition, boot); });
    }
  }
  for (const Lease& lease : leases) {
    auto claims = [&](const Attachment& attachment) {
      return attachment.partition == lease.partition && attachment.network == network.name &&
             has_address(attachment, lease.address);
    };
    if (std::ranges::any_of(attachments, claims)) continue;
    // By now it may be attached, or released: then there was no fault.
    bool still = false;
    TRY(when_unclaimed(context, lease.partition, claims, [&]() -> Result<> {
      TRY_ASSIGN(std::vector<Lease> now, list_leases(pools[0]));
      still = std::ranges::any_of(now, [&](const Lease& other) {
        return other.address == lease.address && other.partition == lease.partition;
      });
      if (still)
        faults.found(cat("network ", quote(network.name)),
                     cat("address ", lease.address.text(), " is leased to ", quote(lease.partition),
                         ", which has no interface there"),
                     [&] { return release_address(pools[0], lease.address, lease.partition); });
      return {};
    }));
  }
  return {};
}

// The partition's name in a holder; empty: a service.
std::string partition_of(const std::string& holder) {
  constexpr std::string_view kBefore = "partition \"";
  if (!holder.starts_with(kBefore)) return {};
  size_t end = holder.find('"', kBefore.size());
  return end == std::string::npos ? std::string() : holder.substr(kBefore.size(), end - kBefore.size());
}

bool publishes(const PublishedPort& range, const PublishedPort& port) {
  return range.protocol == port.protocol && range.host == port.host && range.port <= port.port &&
         port.port < range.port + range.count;
}

Result<> check_ports(HostContext& context, const std::vector<Attachment>& attachments, Faults& faults) {
  TRY_ASSIGN(std::vector<PortClaim> all, list_ports(context.store.run));
  std::map<std::string, std::vector<PublishedPort>> claimed;
  for (const PortClaim& claim : all) claimed[claim.holder].push_back(claim.port);
  for (const Attachment& attachment : attachments) {
    if (!attachment.has_host_end()) continue;
    const std::vector<PublishedPort>& ours = claimed[port_holder(attachment)];
    size_t count = 0, wanted = 0;
    for (const PublishedPort& port : attachment.ports) {
      wanted += port.count;
      count += static_cast<size_t>(
          std::ranges::count_if(ours, [&](const PublishedPort& one) { return publishes(port, one); }));
    }
    if (count < wanted)
      faults.found(fault_subject(attachment), "not all of its published ports are claimed",
                   [&] { return claim_ports_of(context.store, attachment); });
  }
  for (const PortClaim& claim : all) {
    std::string partition = partition_of(claim.holder);
    if (partition.empty()) continue;
    auto claims = [&](const Attachment& attachment) {
      auto same = [&](const PublishedPort& range) { return publishes(range, claim.port); };
      return port_holder(attachment) == claim.holder && std::ranges::any_of(attachment.ports, same);
    };
    if (std::ranges::any_of(attachments, claims)) continue;
    TRY(when_unclaimed(context, partition, claims, [&]() -> Result<> {
      TRY_ASSIGN(std::vector<PortClaim> now, list_ports(context.store.run));
      bool still = std::ranges::any_of(now, [&](const PortClaim& other) {
        return other.holder == claim.holder && other.port == claim.port;
      });
      if (still)
        faults.found("this host",
                     cat("port ", claim.port.port, '/', protocol_name(claim.port.protocol),
                         " is claimed for ", claim.holder, ", which does not publish it"),
                     [&] { return release_ports(context.store.run, claim.holder, {claim.port}); });
      return {};
    }));
  }
  return {};
}

}  // namespace

Result<> check_claims(HostContext& context, const std::vector<Network>& networks, Faults& faults) {
  TRY_ASSIGN(std::vector<Attachment> attachments, list_attachments(context.store, ""));
  for (const Network& network : networks) TRY(check_leases(context, network, attachments, faults));
  return check_ports(context, attachments, faults);
}

}  // namespace shoji::net
