#include "netsetup/host/bulk_attach.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <set>

#include "base/io.h"
#include "netsetup/cni/cni.h"
#include "netsetup/link/requests.h"
#include "netsetup/names/live.h"
#include "netsetup/netns/netns.h"
#include "netsetup/usage/quota.h"

namespace shoji::net {

namespace {

// What can be said without looking at the host.
Result<> check_requests(const std::vector<PartitionRequest>& requests) {
  std::set<std::string_view> partitions;
  for (const PartitionRequest& request : requests) {
    TRY(check_partition_name(request.partition));
    if (!partitions.insert(request.partition).second)
      return fail(Kind::kInvalid, cat("partition ", quote(request.partition), " is named twice"));
    std::set<std::string_view> networks;
    for (const AttachRequest& wanted : request.networks) {
      if (!wanted.network.starts_with("cni:")) TRY(check_network_name(wanted.network));
      if (!wanted.interface.empty()) TRY(check_interface_name(wanted.interface));
      if (!networks.insert(wanted.network).second)
        return fail(Kind::kInvalid, cat("network ", quote(wanted.network), " is named twice for partition ",
                                        quote(request.partition)));
    }
  }
  return {};
}

Result<> check_kind(const Network& network, const AttachRequest& request) {
  auto unsupported = [&](std::string_view what) {
    return fail(Kind::kUnsupported,
                cat("network ", quote(network.name), " of kind ", kind_name(network.kind), ": ", what));
  };
  if (network.kind != NetworkKind::kMacvlan) return {};  // of kind cni its plugins say it
  // The host sees nothing of what passes there.
  if (request.rates.in != 0 || request.rates.out != 0)
    return unsupported("rates need a network of kind bridge or routed");
  if (!request.ports.empty()) return unsupported("ports are published by kinds bridge and routed");
  if (!request.rules.empty()) return unsupported("rules need a network of kind bridge or routed");
  return {};
}

// The name that the request wants, or the first free one.
Result<std::string> choose_interface(const AttachRequest& request, const std::vector<Attachment>& others) {
  auto has = [&](std::string_view name) { return std::ranges::find(others, name, &Attachment::interface); };
  if (!request.interface.empty()) {
    if (auto other = has(request.interface); other != others.end())
      return fail(Kind::kExists, cat("interface ", quote(request.interface), " is the one of network ",
                                     quote(other->network)));
    return request.interface;
  }
  std::string name = "eth0";
  for (unsigned i = 1; has(name) != others.end(); ++i) name = cat("eth", i);
  return name;
}

// The first network's default routes win; the others' have a metric of their own, above the kernel's default for IPv6.
uint32_t choose_metric(const std::vector<Attachment>& others) {
  constexpr uint32_t kKernelMetric = 1024;  // IP6_RT_PRIO_USER
  for (uint32_t metric = 0;; metric = metric == 0 ? kKernelMetric + 1 : metric + 1)
    if (std::ranges::find(others, metric, &Attachment::metric) == others.end()) return metric;
}

Result<UniqueFd> open_given_netns(const std::string& path) {
  TRY_ASSIGN(UniqueFd file, open_file(path, O_RDONLY));
  struct statfs facts{};
  if (fstatfs(file.get(), &facts) != 0 || facts.f_type != NSFS_MAGIC)
    return fail(Kind::kInvalid, cat(quote(path), " is not a namespace"));
  return file;
}

Result<> check_free(int netns, const std::string& interface) {
  TRY_ASSIGN(RouteSocket there, RouteSocket::open_in(netns));
  if (!there.index_of(interface)) return {};
  return fail(Kind::kExists, cat("its namespace has an interface ", quote(interface), " already"));
}

uint64_t inode_of(int fd) {
  struct stat facts{};
  return fstat(fd, &facts) == 0 ? facts.st_ino : 0;
}

// A partition that chose `host`, or --pid of a process of the host: the host's own routes would change.
Result<> refuse_host_namespace(const std::string& partition, int netns) {
  struct stat own{};
  if (stat("/proc/thread-self/ns/net", &own) != 0 || own.st_ino != inode_of(netns)) return {};
  return fail(Kind::kInvalid, cat("partition ", quote(partition),
                                  " has the host's network namespace: nothing is attached to that"));
}

}  // namespace

Result<std::vector<Attachment>> BulkAttach::run(const std::vector<PartitionRequest>& requests) {
  TRY(check_requests(requests));
  Result<> done = prepare(requests);
  if (done) done = make();
  std::vector<Attachment> out;
  if (done) {
    for (Work& work : works_) std::ranges::move(work.attachments, std::back_inserter(out));
  } else if (Result<> back = take_back(context_, works_); !back) {
    // The files stay, unlocked when we end: the next verb goes on with them.
    done.error().text += cat("; what was made is taken back later: ", back.error().text);
    return Failure(done.error());
  }
  for (Pending& pending : pending_) TRY(pending.finish());
  if (!done) return Failure(done.error());
  return out;
}

Result<> BulkAttach::prepare(const std::vector<PartitionRequest>& requests) {
  // Always in the same order, so that two verbs cannot wait for each other: partitions by name, then networks by name.
  std::vector<const PartitionRequest*> order;
  for (const PartitionRequest& request : requests) order.push_back(&request);
  std::ranges::sort(order, {}, &PartitionRequest::partition);
  for (const PartitionRequest* request : order) TRY(begin(*request));
  std::set<std::string> names;
  for (const PartitionRequest& request : requests)
    for (const AttachRequest& wanted : request.networks) names.insert(wanted.network);
  for (const std::string& name : names) {
    if (name.starts_with("cni:")) {
      TRY_ASSIGN(Network network, find_network_or_cni(context_.store, name));
      networks_.emplace(name, HeldNetwork{.network = std::move(network), .hold = {}});
      continue;
    }
    TRY_ASSIGN(HeldNetwork held, hold_network(context_.store, name));
    TRY(bring_up_network(context_.host, held.network));
    networks_.emplace(name, std::move(held));
  }
  for (size_t i = 0; i < partitions_.size(); ++i) {
    TRY(decide(i));
    TRY(lease(i));
  }
  return {};
}

Result<> BulkAttach::begin(const PartitionRequest& request) {
  TRY_ASSIGN(Pending pending, Pending::begin(context_.store.run, request.partition, "", context_.clear()));
  pending_.push_back(std::move(pending));
  partitions_.push_back({.request = &request, .netns = {}, .netns_path = request.netns});
  works_.push_back(
      {.partition = request.partition, .networks = {}, .firewall_is_clean = true, .attachments = {}});
  return {};
}

// Looks at what the partition has, says what will be made of it, and opens or makes its namespace.
Result<> BulkAttach::decide(size_t number) {
  const Partition& partition = partitions_[number];
  Work& work = works_[number];
  TRY_ASSIGN(std::vector<Attachment> others, list_attachments(context_.store, work.partition));
  Work header = work;
  for (const AttachRequest& wanted : partition.request->networks) {
    if (std::ranges::find(others, wanted.network, &Attachment::network) != others.end())
      return fail(Kind::kExists, cat("partition ", quote(work.partition), " is attached to network ",
                                     quote(wanted.network), " already"));
    TRY(check_kind(networks_.find(wanted.network)->second.network, wanted));
    header.networks.push_back(wanted.network);
  }
  TRY(decide_netns(number, header));
  header.firewall_is_clean = false;  // as far as one can know after a kill
  TRY(pending_[number].append(print_work_header(header)));
  header.firewall_is_clean = true;
  work = std::move(header);
  if (!work.pin) return {};
  std::string directory = context_.store.netns_directory();
  TRY(remove_netns(directory, work.partition));  // a file without a namespace, from a kill long ago
  TRY_ASSIGN(partitions_[number].netns, make_netns(directory, work.partition));
  return {};
}

Result<> BulkAttach::decide_netns(size_t number, Work& header) {
  Partition& partition = partitions_[number];
  const std::string& name = header.partition;
  if (!partition.netns_path.empty()) {
    TRY_ASSIGN(partition.netns, open_given_netns(partition.netns_path));
    return refuse_host_namespace(name, partition.netns.get());
  }
  std::string directory = context_.store.netns_directory();
  partition.netns_path = cat(directory, '/', name);
  if (Result<UniqueFd> pinned = open_netns(directory, name); pinned) {
    partition.netns = std::move(*pinned);
    return refuse_host_namespace(name, partition.netns.get());
  } else if (pinned.error().kind != Kind::kNotFound) {
    return Failure(pinned.error());
  } else if (partition.request->make_netns) {
    header.pin = true;
  } else {
    return fail(Kind::kNotFound, cat("partition ", quote(name), " has no network namespace"));
  }
  return {};
}

Result<> BulkAttach::lease(size_t number) {
  Work& work = works_[number];
  TRY_ASSIGN(std::vector<Attachment> all, list_attachments(context_.store, work.partition));
  std::string lines;
  std::vector<Attachment> made;
  for (const AttachRequest& wanted : partitions_[number].request->networks) {
    TRY_ASSIGN(Attachment out, decide_one(number, wanted, all));
    lines += print_attachment(out, true);
    all.push_back(out);
    made.push_back(std::move(out));
  }
  TRY(pending_[number].append(lines));
  work.attachments = std::move(made);
  return {};
}

Result<Attachment> BulkAttach::decide_one(size_t number, const AttachRequest& wanted,
                                          const std::vector<Attachment>& others) {
  const Partition& partition = partitions_[number];
  const Network& network = networks_.find(wanted.network)->second.network;
  Attachment out{.partition = partition.request->partition,
                 .network = wanted.network,
                 .interface = {},
                 .netns = partition.netns_path,
                 .netns_id = inode_of(partition.netns.get()),
                 .kind = network.kind,
                 .host_interface = {},
                 .mac = {},
                 .addresses = {},
                 .gateways = {},
                 .ports = wanted.ports,
                 .rules = wanted.rules,
                 .rates = wanted.rates,
                 .default_route = wanted.default_route,
                 .metric = choose_metric(others)};
  auto decided = [&]() -> Result<> {
    TRY_ASSIGN(out.interface, choose_interface(wanted, others));
    // Taken back by its name there, which must not be somebody else's.
    if (network.kind == NetworkKind::kMacvlan) TRY(check_free(partition.netns.get(), out.interface));
    if (network.kind == NetworkKind::kCni) return {};
    AttachRequest lease = wanted;
    lease.partition = out.partition;
    TRY(lease_addresses(context_.store, network, lease, out));
    out.mac = wanted.mac.value_or(mac_for(out.addresses[0].address));
    if (network.kind == NetworkKind::kMacvlan) return {};
    TRY_ASSIGN(out.host_interface, new_host_interface(context_.host, out.addresses[0].address));
    return {};
  }();
  if (!decided) return Failure(within(attach_subject(out), decided.error()));
  return out;
}

Result<> BulkAttach::make() {
  std::vector<LinkPlan> plans;
  for (size_t i = 0; i < works_.size(); ++i)
    for (Attachment& attachment : works_[i].attachments)
      if (attachment.kind != NetworkKind::kCni)
        plans.push_back({.network = &networks_.find(attachment.network)->second.network,
                         .attachment = &attachment,
                         .netns = partitions_[i].netns.get()});
  TRY(claim_all_ports());
  if (!plans.empty()) TRY(make_links(context_.host, plans));
  for (std::span<const LinkPlan> left = plans; !left.empty();) {
    auto other = std::ranges::find_if(left, [&](const LinkPlan& p) { return p.netns != left[0].netns; });
    auto same = left.first(static_cast<size_t>(other - left.begin()));
    TRY(configure_partition(same));
    left = left.subspan(same.size());
  }
  settle_links(context_.host, plans);
  for (const LinkPlan& plan : plans)
    if (const Rates& rates = plan.attachment->rates; rates.in != 0 || rates.out != 0)
      TRY(set_rates(context_.host, plan.attachment->host_interface, rates, plan.network->mtu));
  TRY(run_plugins());
  TRY_ASSIGN(FirewallHold hold, FirewallHold::take(context_.store.run, LOCK_SH));
  TRY(tell_firewall(hold));
  std::vector<std::string> names;
  std::vector<Attachment> all;
  for (const Work& work : works_) {
    names.push_back(work.partition);
    for (const Attachment& attachment : work.attachments) {
      TRY(write_record(context_.store, attachment));
      all.push_back(attachment);
    }
  }
  if (all.empty()) return {};
  TRY(add_names(context_.store, all));
  TRY(arm_quotas(context_.store, context_.host, [&] { return context_.ready_firewall(hold); }, names));
  return tell_services(context_, names, false);
}

Result<> BulkAttach::run_plugins() {
  for (size_t i = 0; i < works_.size(); ++i) {
    for (Attachment& attachment : works_[i].attachments) {
      if (attachment.kind != NetworkKind::kCni) continue;
      const std::vector<AttachRequest>& wanted = partitions_[i].request->networks;
      AttachRequest request = *std::ranges::find(wanted, attachment.network, &AttachRequest::network);
      request.partition = attachment.partition;
      request.interface = attachment.interface;
      const Network& network = networks_.find(attachment.network)->second.network;
      TRY_ASSIGN(Attachment made, cni_attach(context_.store, network, request, partitions_[i].netns_path));
      made.netns_id = attachment.netns_id;
      made.metric = attachment.metric;
      attachment = std::move(made);
    }
  }
  return {};
}

Result<> BulkAttach::claim_all_ports() {
  for (const Work& work : works_)
    for (const Attachment& attachment : work.attachments)
      if (Result<> claimed = claim_ports_of(context_.store, attachment); !claimed)
        return Failure(within(attach_subject(attachment), claimed.error()));
  return {};
}

Result<> BulkAttach::tell_firewall(FirewallHold& hold) {
  std::vector<FirewallEndpoint> endpoints;
  for (const Work& work : works_)
    for (const Attachment& attachment : work.attachments)
      if (attachment.has_host_end()) endpoints.push_back(firewall_endpoint(attachment));
  if (endpoints.empty()) return {};
  TRY_ASSIGN(Firewall * firewall, context_.ready_firewall(hold));
  TRY(firewall->add(endpoints));  // as a whole, or not at all
  for (Work& work : works_) work.firewall_is_clean = false;
  return {};
}

}  // namespace shoji::net
