#include "netsetup/host/change.h"

#include <sys/file.h>

#include <algorithm>
#include <utility>

namespace shoji::net {

namespace {

Result<> apply_rates(HostContext& context, const Attachment& after) {
  if (after.rates.in == 0 && after.rates.out == 0) return remove_rates(context.host, after.host_interface);
  TRY_ASSIGN(Network network, find_network(context.store, after.network));
  return set_rates(context.host, after.host_interface, after.rates, network.mtu);
}

bool publishes(const PublishedPort& range, const PublishedPort& port) {
  return range.protocol == port.protocol && range.host == port.host && range.port <= port.port &&
         port.port < range.port + range.count;
}

// One by one: ranges may overlap.
std::vector<PublishedPort> ports_without(const std::vector<PublishedPort>& ports,
                                         const std::vector<PublishedPort>& others) {
  std::vector<PublishedPort> out;
  for (PublishedPort port : ports) {
    uint16_t count = std::exchange(port.count, uint16_t{1});
    for (; count > 0; --count, ++port.port)
      if (std::ranges::none_of(others, [&](const PublishedPort& range) { return publishes(range, port); }))
        out.push_back(port);
  }
  return out;
}

// The record is written before the kernel is changed: what a kill or an error leaves different is a fault that check()
// repairs towards what was wanted, and nothing of it leads to another partition.
Result<> apply(HostContext& context, const Attachment& before, const Attachment& after,
               const AttachmentChange& change) {
  TRY_ASSIGN(FirewallHold hold, FirewallHold::take(context.store.run, LOCK_SH));
  if (change.ports) TRY(claim_ports_of(context.store, after));
  TRY(write_record(context.store, after));
  if (change.rates) TRY(apply_rates(context, after));
  if (!change.ports && !change.rules) return {};
  TRY_ASSIGN(Firewall * firewall, context.ready_firewall(hold));
  TRY(firewall->replace(firewall_endpoint(before), firewall_endpoint(after)));
  Attachment unused = before;
  unused.ports = ports_without(before.ports, after.ports);
  return release_ports_of(context.store, unused);
}

}  // namespace

Result<Attachment> change_attachment(HostContext& context, const std::string& partition,
                                     const std::string& network, const AttachmentChange& change) {
  TRY(check_partition_name(partition));
  TRY_ASSIGN(Pending pending, Pending::begin(context.store.run, partition, "", context.clear()));
  auto changed = [&]() -> Result<Attachment> {
    TRY_ASSIGN(std::vector<Attachment> all, list_attachments(context.store, partition));
    auto found = std::ranges::find(all, network, &Attachment::network);
    if (found == all.end())
      return fail(Kind::kNotFound,
                  cat("partition ", quote(partition), " is not attached to network ", quote(network)));
    if (!found->has_host_end())
      return fail(Kind::kUnsupported, cat("network ", quote(network), " of kind ", kind_name(found->kind),
                                          ": rates, ports and rules are of kinds bridge and routed"));
    Attachment after = *found;
    if (change.rates) after.rates = *change.rates;
    if (change.ports) after.ports = *change.ports;
    if (change.rules) after.rules = *change.rules;
    Result<> applied = apply(context, *found, after, change);
    if (applied) return after;
    ignore(apply(context, after, *found, change), "the first error counts");
    return Failure(within(cat("change ", quote(partition), " on network ", quote(network)), applied.error()));
  }();
  TRY(pending.finish());
  return changed;
}

}  // namespace shoji::net
