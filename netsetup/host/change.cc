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

// Before a change its pending file has this line, and then both attachments.
constexpr std::string_view kChange = "change\n";

Result<> publish_only(HostContext& context, FirewallHold& hold, const Attachment& before,
                      const Attachment& after) {
  TRY_ASSIGN(Firewall * firewall, context.ready_firewall(hold));
  TRY(firewall->replace(firewall_endpoint(before), firewall_endpoint(after)));
  Attachment unused = before;
  unused.ports = ports_without(before.ports, after.ports);
  return release_ports_of(context.store, unused);
}

// The record is written before the kernel is changed: after a kill it says which of the two it is to be.
Result<> apply(HostContext& context, const Attachment& before, const Attachment& after,
               const AttachmentChange& change) {
  TRY_ASSIGN(FirewallHold hold, FirewallHold::take(context.store.run, LOCK_SH));
  if (change.ports) TRY(claim_ports_of(context.store, after));
  TRY(write_record(context.store, after));
  if (change.rates) TRY(apply_rates(context, after));
  if (!change.ports && !change.rules) return {};
  return publish_only(context, hold, before, after);
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
    TRY(pending.append(cat(kChange, print_attachment(*found, true), print_attachment(after, true))));
    Result<> applied = apply(context, *found, after, change);
    if (applied) return after;
    ignore(apply(context, after, *found, change), "the first error counts");
    return Failure(within(cat("change ", quote(partition), " on network ", quote(network)), applied.error()));
  }();
  TRY(pending.finish());
  return changed;
}

bool is_change(std::string_view pending) {
  return pending.starts_with(kChange);
}

Result<> settle_change(HostContext& context, const std::string& partition, std::string_view pending) {
  TRY_ASSIGN(Work work, parse_work(partition, pending.substr(kChange.size())));
  if (work.attachments.size() != 2) return {};  // killed before both were written: nothing has been done
  TRY_ASSIGN(FirewallHold hold, FirewallHold::take(context.store.run, LOCK_SH));
  TRY_ASSIGN(std::vector<Attachment> all, list_attachments(context.store, partition));
  auto now = std::ranges::find(all, work.attachments[0].network, &Attachment::network);
  if (now == all.end()) return {};
  bool is_first = print_attachment(*now, true) == print_attachment(work.attachments[0], true);
  TRY(publish_only(context, hold, work.attachments[is_first ? 1 : 0], *now));
  ignore(apply_rates(context, *now), "an interface that is gone has none; check() tells of others");
  return {};
}

}  // namespace shoji::net
