#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/io.h"
#include "netsetup/attach/links.h"
#include "netsetup/host/check.h"

namespace shoji::net {

namespace {

// The partition's namespace, if it is still the one that the record means.
UniqueFd open_namespace(const Attachment& attachment) {
  Result<UniqueFd> file = open_file(attachment.netns, O_RDONLY);
  struct stat facts{};
  if (!file || fstat(file->get(), &facts) != 0 || facts.st_ino != attachment.netns_id) return {};
  return std::move(*file);
}

class InterfaceCheck {
 public:
  InterfaceCheck(HostContext& context, const HostFacts& facts, const Network& network,
                 const Attachment& attachment, Faults& faults)
      : context_(context), facts_(facts), network_(network), attachment_(attachment), faults_(faults) {}
  Result<> run();

 private:
  void found(std::string what, const std::function<Result<>()>& mend) {
    faults_.found(fault_subject(attachment_), std::move(what), mend);
  }
  const LinkFacts* host_end() const {
    auto found = facts_.links.find(attachment_.host_interface);
    return found == facts_.links.end() ? nullptr : &found->second;
  }
  // Both ends anew, with the same names, addresses and MAC.
  Result<> make_again();
  Result<> forget();
  Result<> check_host_end(const LinkFacts& link);
  Result<> check_inside(RouteSocket& there, const LinkFacts& link);
  void check_rates(const LinkFacts& link);

  HostContext& context_;
  const HostFacts& facts_;
  const Network& network_;
  const Attachment& attachment_;
  Faults& faults_;
  UniqueFd netns_;
};

Result<> InterfaceCheck::run() {
  netns_ = open_namespace(attachment_);
  if (!netns_) {
    found("its network namespace is gone", [this] { return forget(); });
    return {};
  }
  const LinkFacts* outside = host_end();
  if (attachment_.has_host_end() && outside == nullptr) {
    found(cat("its interface ", attachment_.host_interface, " on the host is gone"),
          [this] { return make_again(); });
    return {};
  }
  TRY_ASSIGN(RouteSocket there, RouteSocket::open_in(netns_.get()));
  TRY_ASSIGN(std::vector<LinkFacts> links, list_links(there));
  auto inside = std::ranges::find(links, attachment_.interface, &LinkFacts::name);
  if (inside == links.end()) {
    found(cat("its interface ", attachment_.interface, " is gone"), [this] { return make_again(); });
    return {};
  }
  if (outside != nullptr) {
    TRY(check_host_end(*outside));
    check_rates(*outside);
  }
  return check_inside(there, *inside);
}

Result<> InterfaceCheck::forget() {
  Work work{.partition = attachment_.partition, .networks = {}, .attachments = {attachment_}};
  return take_back(context_, {&work, 1});
}

Result<> InterfaceCheck::make_again() {
  if (host_end() != nullptr) TRY(remove_links(context_.host, {&attachment_.host_interface, 1}));
  TRY(bring_up_network(context_.host, network_));
  Attachment copy = attachment_;
  LinkPlan plan{.network = &network_, .attachment = &copy, .netns = netns_.get()};
  TRY(make_links(context_.host, {&plan, 1}));
  TRY(configure_partition({&plan, 1}));
  settle_links(context_.host, {&plan, 1});
  const Rates& rates = attachment_.rates;
  if (rates.in == 0 && rates.out == 0) return {};
  return set_rates(context_.host, attachment_.host_interface, rates, network_.mtu);
}

Result<> InterfaceCheck::check_host_end(const LinkFacts& link) {
  auto change = [&](const LinkChange& wanted) {
    return [this, wanted, &link]() -> Result<> {
      Batch batch;
      change_link(batch, link.index, wanted, cat("change interface ", quote(link.name)));
      return batch.send(context_.host);
    };
  };
  LinkChange none{.up = {}, .mac = {}, .mtu = {}, .master = {}, .name = {}};
  if (!link.up) {
    LinkChange up = none;
    up.up = true;
    found(cat("its interface ", link.name, " on the host is down"), change(up));
  }
  if (network_.mtu != 0 && link.mtu != network_.mtu) {
    LinkChange mtu = none;
    mtu.mtu = network_.mtu;
    found(cat("its interface ", link.name, " on the host has the MTU ", link.mtu), change(mtu));
  }
  if (network_.kind != NetworkKind::kBridge) return {};
  auto bridge = facts_.links.find(network_.interface_name());
  if (bridge != facts_.links.end() && bridge->second.index == link.master) return {};
  found(cat("its interface ", link.name, " is no port of ", network_.interface_name()), [&]() -> Result<> {
    TRY(bring_up_network(context_.host, network_));
    LinkChange master = none;
    TRY_ASSIGN(master.master, context_.host.index_of(network_.interface_name()));
    Batch batch;
    change_link(batch, link.index, master, cat("make ", quote(link.name), " a port"));
    set_hairpin(batch, link.name);
    add_bridge_address(batch, link.index, attachment_.mac);
    return batch.send(context_.host);
  });
  return {};
}

Result<> InterfaceCheck::check_inside(RouteSocket& there, const LinkFacts& link) {
  auto send = [&there](const std::function<void(Batch&)>& fill) {
    return [&there, fill]() -> Result<> {
      Batch batch;
      fill(batch);
      return batch.send(there);
    };
  };
  LinkChange wanted{.up = {}, .mac = {}, .mtu = {}, .master = {}, .name = {}};
  if (!link.up) wanted.up = true;
  if (link.mac != attachment_.mac) wanted.mac = attachment_.mac;
  if (network_.mtu != 0 && link.mtu != network_.mtu) wanted.mtu = network_.mtu;
  if (wanted.up || wanted.mac || wanted.mtu)
    found(cat("its interface ", link.name, " is ", wanted.up ? "down" : "changed"), send([&](Batch& batch) {
            change_link(batch, link.index, wanted, cat("change interface ", quote(link.name)));
          }));
  TRY_ASSIGN(std::vector<AddressFacts> addresses, list_addresses(there));
  for (const Prefix& address : attachment_.addresses) {
    auto same = [&](const AddressFacts& a) { return a.index == link.index && a.address == address; };
    if (std::ranges::none_of(addresses, same))
      found(cat("its address ", address.text(), " is gone"),
            send([&](Batch& batch) { add_address(batch, link.index, address); }));
  }
  TRY_ASSIGN(std::vector<RouteFacts> routes, list_routes(there));
  std::vector<Route> wanted_routes = partition_routes(network_, attachment_);
  for (Route& route : wanted_routes) {
    route.replace = true;  // of a gateway that was
    auto same = [&](const RouteFacts& facts) {
      return facts.index == link.index && facts.route.destination == route.destination &&
             facts.route.gateway == route.gateway;
    };
    if (std::ranges::none_of(routes, same))
      found(cat("its route to ", route.destination.text(), " is gone"),
            send([&](Batch& batch) { add_route(batch, link.index, route); }));
  }
  return {};
}

void InterfaceCheck::check_rates(const LinkFacts& link) {
  auto rate_of = [&](int index) -> uint64_t {
    auto [begin, end] = facts_.queues.equal_range(index);
    for (auto queue = begin; queue != end; ++queue)
      if (queue->second.root && queue->second.kind == "tbf") return queue->second.rate;
    return 0;
  };
  auto enters_queue = [&] {
    auto [begin, end] = facts_.queues.equal_range(link.index);
    return std::any_of(begin, end, [](const auto& queue) { return queue.second.kind == "ingress"; });
  };
  auto wanted = [&](uint64_t rate) { return rate == 0 ? 0 : frame_rate(rate, network_.mtu); };
  auto ifb = facts_.links.find(rate_interface(link.name));
  bool in = rate_of(link.index) == wanted(attachment_.rates.in);
  bool out = attachment_.rates.out == 0
                 ? ifb == facts_.links.end()
                 : ifb != facts_.links.end() && rate_of(ifb->second.index) == wanted(attachment_.rates.out) &&
                       enters_queue();
  if (in && out) return;
  found(cat("its rate ", in ? "out" : "in", " is not limited as it should be"), [this]() -> Result<> {
    const Rates& rates = attachment_.rates;
    if (rates.in == 0 && rates.out == 0) return remove_rates(context_.host, attachment_.host_interface);
    return set_rates(context_.host, attachment_.host_interface, rates, network_.mtu);
  });
}

}  // namespace

Result<> check_interfaces(HostContext& context, const HostFacts& facts, const Network& network,
                          const Attachment& attachment, Faults& faults) {
  return InterfaceCheck(context, facts, network, attachment, faults).run();
}

}  // namespace shoji::net
