#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/io.h"
#include "netsetup/attach/links.h"
#include "netsetup/host/check.h"
#include "netsetup/host/documents.h"

namespace shoji::net {

namespace {

// Those that the other document does not have. What somebody else has added in the partition stays.
Result<> remove_old_routes(const Attachment& attachment, const std::vector<Route>& before,
                           const std::vector<Route>& after) {
  Result<UniqueFd> netns = open_file(attachment.netns, O_RDONLY);
  struct stat facts{};
  if (!netns || fstat(netns->get(), &facts) != 0 || facts.st_ino != attachment.netns_id) return {};
  TRY_ASSIGN(RouteSocket there, RouteSocket::open_in(netns->get()));
  Result<int> index = there.index_of(attachment.interface);
  if (!index) return {};
  Batch batch;
  for (const Route& route : before) {
    auto same = [&](const Route& other) {
      return other.destination == route.destination && other.gateway == route.gateway;
    };
    if (std::ranges::none_of(after, same)) remove_route(batch, *index, route);
  }
  return batch.empty() ? Result<>{} : batch.send(there);
}

}  // namespace

std::vector<Address> gateways_of(const Network& network, const Attachment& attachment) {
  if (network.kind == NetworkKind::kRouted) return attachment.gateways;
  std::vector<Address> out;
  for (const Prefix& address : attachment.addresses)
    for (const Subnet& subnet : network.subnets)
      if (subnet.gateway && subnet.prefix.contains(address.address)) out.push_back(*subnet.gateway);
  return out;
}

Result<> follow(HostContext& context, const HostFacts& facts, const Network& before, const Network& after,
                const Attachment& attachment) {
  Attachment changed = attachment;
  changed.gateways = gateways_of(after, attachment);
  TRY(write_record(context.store, changed));
  TRY(remove_old_routes(attachment, partition_routes(before, attachment), partition_routes(after, changed)));
  // What is not as the document says now is what a check would find and mend.
  Faults faults(true);
  TRY(check_interfaces(context, facts, after, changed, faults));
  const std::vector<Fault> found = faults.take();
  auto kept = std::ranges::find(found, false, &Fault::repaired);
  return kept == found.end() ? Result<>{} : fail(Kind::kSystem, cat(kept->subject, ": ", kept->what));
}

Result<> follow_document(HostContext& context, const Network& before, const Network& after) {
  if (after.kind == NetworkKind::kCni) return {};
  TRY_ASSIGN(HostFacts facts, HostFacts::read(context.host));
  TRY_ASSIGN(std::vector<std::string> partitions, list_attached_partitions(context.store));
  Result<> result;
  for (const std::string& partition : partitions) {
    TRY_ASSIGN(Pending pending, Pending::begin(context.store.run, partition, "", context.clear()));
    TRY_ASSIGN(std::vector<Attachment> attachments, list_attachments(context.store, partition));
    auto found = std::ranges::find(attachments, after.name, &Attachment::network);
    Result<> followed =
        found == attachments.end() ? Result<>{} : follow(context, facts, before, after, *found);
    TRY(pending.finish());
    if (!followed && result) result = followed;
  }
  return result;
}

}  // namespace shoji::net
