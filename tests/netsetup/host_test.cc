// Partitions on networks, in network namespaces that the test makes.
#include <algorithm>

#include "netsetup/ports/ports.h"
#include "tests/catch.h"
#include "tests/netsetup/host_scene.h"

using namespace shoji;
using namespace shoji::net;
using namespace shoji::net::test;

namespace {

int attach_and_detach(const std::string& directory, const char* document) {
  Scene scene(directory);
  Result<Network> network = parse_network(document, "test");
  NEED(network && create_network(scene.store, *network));
  NEED(create_network(scene.store, *network).error().kind == Kind::kExists);
  NEED(list_networks(scene.store)->size() == 1);

  HostNetworks networks = scene.networks();
  auto first = networks.attach({of("web1", to("net"))});
  if (!first) dprintf(2, "%s\n", first.error().text.c_str());
  auto second = networks.attach({of("web2", to("net", {ip("10.7.0.77")}))});
  NEED(first && second && first->size() == 1 && second->size() == 1);
  NEED((*second)[0].addresses[0].address.text() == "10.7.0.77");
  NEED((*first)[0].addresses.size() == 2 && (*second)[0].addresses.size() == 2);
  for (const Prefix& address : (*first)[0].addresses) {
    NEED(reaches(scene.here.get(), scene.netns("web1").get(), address));
    NEED(reaches(scene.netns("web2").get(), scene.netns("web1").get(), address));
  }
  // What the record says is what was made.
  Result<std::vector<Attachment>> found = list_attachments(scene.store, "");
  NEED(found && found->size() == 2);
  NEED(print_attachment((*found)[0]) == print_attachment((*first)[0]));
  NEED(remove_network(scene.store, network->name).error().kind == Kind::kState);

  auto taken = networks.attach({of("web3", to("net", {ip("10.7.0.77")}))});
  NEED(!taken &&
       taken.error().text == "attach \"web3\" to network \"net\": address 10.7.0.77 is taken by \"web2\"");
  auto outside = networks.attach({of("web4", to("net", {ip("10.9.0.1")}))});
  NEED(!outside && outside.error().kind == Kind::kInvalid);
  auto again = networks.attach({of("web1", to("net"))});
  NEED(!again && again.error().kind == Kind::kExists);
  NEED(list_attachments(scene.store, "")->size() == 2);
  NEED(list_netns(scene.store.netns_directory())->size() == 2);

  // Hot: its interface is gone at once, and it can come back with the same address.
  NEED(networks.detach("web2", "net"));
  NEED(!scene.host.index_of((*second)[0].host_interface));
  NEED(networks.detach("web2", "net").error().kind == Kind::kNotFound);
  second = networks.attach({of("web2", to("net", {ip("10.7.0.77")}))});
  NEED(second);
  NEED(reaches(scene.here.get(), scene.netns("web2").get(), (*second)[0].addresses[0]));
  // The whole partition, and at once anew with the same address, while the kernel still removes the old interface.
  for (int i = 0; i < 5; ++i) {
    NEED(networks.remove({"web2"}));
    second = networks.attach({of("web2", to("net", {ip("10.7.0.77")}))});
    NEED(second);
    NEED(reaches(scene.here.get(), scene.netns("web2").get(), (*second)[0].addresses[0]));
  }
  NEED(networks.remove({"web1", "web2", "web7"}));
  NEED(networks.remove({"web1", "web2"}));
  NEED(nothing_left(scene));
  NEED(list_networks(scene.store)->size() == 1);
  NEED(remove_network(scene.store, network->name));
  NEED(find_network(scene.store, network->name).error().kind == Kind::kNotFound);
  return 0;
}

PublishedPort port(const char* text) {
  return *parse_published_port(text);
}

int documents_and_bridges(const std::string& directory, const char* document) {
  Scene scene(directory);
  HostNetworks networks = scene.networks();
  Network network = *parse_network(document, "test");
  NEED(networks.create_network(network));
  NEED(scene.host.index_of(network.interface_name()));
  NEED(networks.create_network(network).error().text == "network \"net\" exists");
  Network second = network;
  second.name = "second";
  NEED(networks.create_network(second).error().kind == Kind::kInvalid);  // the same subnets
  NEED(list_networks(scene.store)->size() == 1);
  second.subnets.resize(1);
  second.subnets[0].prefix = *Prefix::parse("10.8.0.0/24");
  second.subnets[0].gateway = ip("10.8.0.1");
  second.interface = "lo";
  NEED(networks.create_network(second).error().kind == Kind::kExists);
  second.interface = network.interface_name();
  NEED(networks.create_network(second).error().text ==
       cat("interface ", quote(second.interface), " is the one of network \"net\""));
  NEED(list_networks(scene.store)->size() == 1);

  // Another MTU, and another gateway, while a partition is attached.
  auto made = networks.attach({of("web1", to("net"))});
  NEED(made);
  network.mtu = 1280;
  network.subnets[0].gateway = ip("10.7.0.99");
  Result<> replaced = networks.replace_network(network);
  if (!replaced) dprintf(2, "%s\n", replaced.error().text.c_str());
  NEED(replaced);
  NEED(reaches(scene.here.get(), scene.netns("web1").get(), (*made)[0].addresses[0]));
  RouteSocket there = *RouteSocket::open_in(scene.netns("web1").get());
  const std::vector<RouteFacts> routes = *list_routes(there);
  NEED(routes.size() == 2 && std::ranges::count(routes, ip("10.7.0.99"), [](const RouteFacts& facts) {
                               return *facts.route.gateway;
                             }) == 1);
  NEED(std::ranges::count(*list_links(there), 1280U, &LinkFacts::mtu) == 1);
  NEED(networks.check(false)->empty());
  const std::vector<LinkFacts> links = *list_links(scene.host);
  auto bridge = std::ranges::find(links, network.interface_name(), &LinkFacts::name);
  NEED(bridge != links.end() && bridge->mtu == 1280 && bridge->up && bridge->kind == "bridge");
  std::string addresses;
  const std::vector<AddressFacts> all = *list_addresses(scene.host);
  for (const AddressFacts& facts : all)
    if (facts.index == bridge->index && !facts.address.text().starts_with("fe80"))
      addresses += facts.address.text() + " ";
  NEED(addresses == "10.7.0.99/24 fd07::1/64 ");
  network.interface = "other0";
  NEED(networks.replace_network(network).error().kind == Kind::kState);
  NEED(networks.remove_network("net").error().kind == Kind::kState);
  NEED(networks.remove({"web1"}));
  NEED(networks.replace_network(network));
  NEED(scene.host.index_of("other0") && !scene.host.index_of(bridge->name));
  NEED(networks.remove_network("net"));
  NEED(!scene.host.index_of("other0"));
  NEED(networks.remove_network("net").error().kind == Kind::kNotFound);
  NEED(nothing_left(scene));
  return 0;
}

int changes(const std::string& directory, const char* document) {
  Scene scene(directory);
  HostNetworks networks = scene.networks();
  NEED(networks.create_network(*parse_network(document, "test")));
  AttachRequest request = to("net");
  request.ports = {port("8080:80/tcp"), port("9000-9009:9000-9009/tcp")};
  NEED(networks.attach({of("web1", request)}));
  auto taken = networks.attach({of("web2", request)});
  NEED(!taken && taken.error().text ==
                     "attach \"web2\" to network \"net\": port 8080/tcp is taken by "
                     "partition \"web1\" on network \"net\"");
  NEED(list_attachments(scene.store, "web2")->empty());

  auto changed =
      networks.change("web1", "net",
                      {.rates = Rates{.in = 1 << 20, .out = 1 << 20},
                       .ports = std::vector{port("9000-9004:9000-9004/tcp"), port("7000:80/udp")},
                       .rules = std::vector{AccessRule{.allow = false, .peer = {}, .protocol = {}}}});
  if (!changed) dprintf(2, "%s\n", changed.error().text.c_str());
  NEED(changed && changed->ports.size() == 2 && changed->rates.in == 1 << 20 && changed->rules.size() == 1);
  NEED(print_attachment(*changed) == print_attachment(list_attachments(scene.store, "web1")->at(0)));
  NEED(list_ports(scene.store.run)->size() == 6);
  NEED(scene.host.index_of(rate_interface(changed->host_interface)));
  request.ports = {port("8080:80/tcp"), port("9005-9009:9005-9009/tcp")};
  NEED(networks.attach({of("web2", request)}));
  NEED(networks.change("web2", "net", {.rates = {}, .ports = std::vector{port("7000:80/udp")}, .rules = {}})
           .error()
           .kind == Kind::kExists);
  NEED(list_ports(scene.store.run)->size() == 12);
  NEED(networks.change("web9", "net", {}).error().kind == Kind::kNotFound);
  NEED(networks.change("web1", "net", {.rates = Rates{}, .ports = {}, .rules = {}}));
  NEED(!scene.host.index_of(rate_interface(changed->host_interface)));
  NEED(networks.change("web1", "net", {.rates = Rates{.out = 1 << 20}, .ports = {}, .rules = {}}));
  NEED(networks.remove({"web1", "web2"}));
  NEED(list_ports(scene.store.run)->empty());
  NEED(nothing_left(scene));
  return 0;
}

int hundred_at_once(const std::string& directory, const char* document) {
  Scene scene(directory);
  HostNetworks networks = scene.networks();
  NEED(networks.create_network(*parse_network(document, "test")));
  std::vector<PartitionRequest> requests;
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) {
    AttachRequest request = to("net");
    request.ports = {port(cat(10000 + i, ":80/tcp").c_str())};
    names.push_back(cat("p", i));
    requests.push_back(of(names.back(), std::move(request)));
  }
  // The last one cannot be: then there is none of them.
  requests[99].networks[0].ports[0].port = 10007;
  auto failed = networks.attach(requests);
  NEED(!failed && failed.error().text ==
                      "attach \"p99\" to network \"net\": port 10007/tcp is taken by "
                      "partition \"p7\" on network \"net\"");
  NEED(what_is_left(scene).empty() && list_ports(scene.store.run)->empty());
  requests[99].networks[0].ports[0].port = 10099;
  auto made = networks.attach(requests);
  if (!made) dprintf(2, "%s\n", made.error().text.c_str());
  NEED(made && made->size() == 100);
  NEED(list_ports(scene.store.run)->size() == 100);
  for (size_t i : {size_t{0}, size_t{50}, size_t{99}})
    NEED(reaches(scene.here.get(), scene.netns((*made)[i].partition).get(), (*made)[i].addresses[0]));
  NEED(networks.remove(names));
  NEED(nothing_left(scene) && list_ports(scene.store.run)->empty());
  return 0;
}

// Ports of a bridge until the kernel takes no more.
int full_bridge(const std::string& directory, const char* document) {
  Scene scene(directory);
  HostNetworks networks = scene.networks();
  NEED(networks.create_network(*parse_network(document, "test")));
  int bridge = *scene.host.index_of("sj-net");
  Batch batch;
  constexpr int kPorts = 1023;  // BR_MAX_PORTS of net/bridge/br_private.h, less one
  for (int i = 0; i < kPorts; ++i)
    add_veth(batch, {.name = cat("a", i), .mac = {}}, {.name = cat("b", i), .mac = {}}, {.master = bridge});
  NEED(batch.send(scene.host));
  auto made = networks.attach({of("web1", to("net"))});
  NEED(!made && made.error().kind == Kind::kState);
  NEED(made.error().text.find("a bridge has 1,023 ports at most") != std::string::npos);
  NEED(nothing_left(scene));
  return 0;
}

// An interface of that name is there: it is somebody's.
int taken_interface(const std::string& directory, const char* document) {
  Scene scene(directory);
  HostNetworks networks = scene.networks();
  NEED(networks.create_network(*parse_network(document, "test")));
  Batch parent;
  add_veth(parent, {.name = "cable0", .mac = {}}, {.name = "cable1", .mac = {}}, {});
  NEED(parent.send(scene.host));
  NEED(networks.create_network(*parse_network(
      R"({"name": "street", "kind": "macvlan", "parent": "cable0", "subnets": [{"subnet": "10.9.0.0/24"}]})",
      "t")));
  UniqueFd netns = *make_netns(scene.store.netns_directory(), "web1");
  RouteSocket there = *RouteSocket::open_in(netns.get());
  Batch batch;
  add_veth(batch, {.name = "eth0", .mac = {}}, {.name = "other", .mac = {}}, {});
  NEED(batch.send(there));
  for (const char* network : {"net", "street"}) {
    auto made = networks.attach({of("web1", to(network))});
    NEED(!made && made.error().text == cat("attach \"web1\" to network ", quote(network),
                                           ": its namespace has an interface \"eth0\" already"));
    NEED(there.index_of("eth0"));
  }
  AttachRequest street = to("street");
  street.interface = "wan0";
  auto made = networks.attach({of("web1", street)});
  NEED(made && there.index_of("wan0") && (*made)[0].host_interface.empty());
  NEED(networks.check(false)->empty());
  street.network = "net";
  NEED(networks.attach({of("web1", street)}).error().text.find("is the one of network") != std::string::npos);
  NEED(networks.detach("web1", "street") && !there.index_of("wan0") && there.index_of("eth0"));
  NEED(networks.remove({"web1"}));
  NEED(nothing_left(scene));
  return 0;
}

// Verbs of many processes at once, on the same few partitions: each sees all of the others' work or none of it.
int many_verbs(const std::string& directory, const char* document) {
  Scene scene(directory);
  NEED(scene.networks().create_network(*parse_network(document, "test")));
  std::vector<pid_t> children;
  for (int worker = 0; worker < 6; ++worker) {
    pid_t pid = fork();
    if (pid == 0) {
      for (int round = 0; round < 10; ++round) {
        HostNetworks networks = scene.networks();
        std::string shared = cat("shared", round % 2), own = cat("own", worker);
        AttachRequest request = to("net");
        request.ports = {port(cat(8000 + worker, ":80/tcp").c_str())};
        auto made = networks.attach({of(shared, to("net")), of(own, request)});
        if (!made && made.error().kind != Kind::kExists) {
          dprintf(2, "%s\n", made.error().text.c_str());
          _exit(1);
        }
        if (!networks.remove({own, shared})) _exit(2);
      }
      _exit(0);
    }
    children.push_back(pid);
  }
  for (pid_t pid : children) {
    int status = -1;
    waitpid(pid, &status, 0);
    NEED(status == 0);
  }
  NEED(nothing_left(scene) && list_ports(scene.store.run)->empty());
  HostNetworks networks = scene.networks();
  const std::vector<Fault> faults = *networks.check(false);
  for (const Fault& fault : faults) dprintf(2, "%s: %s\n", fault.subject.c_str(), fault.what.c_str());
  NEED(faults.empty());
  return 0;
}

}  // namespace

TEST_CASE("partitions are attached to a bridge and detached without a trace") {
  CHECK(status_of(attach_and_detach, kBridge) == 0);
}

TEST_CASE("networks are made, changed and removed with their bridges") {
  CHECK(status_of(documents_and_bridges, kBridge) == 0);
}

TEST_CASE("rates, ports and rules change while a partition runs") {
  CHECK(status_of(changes, kBridge) == 0);
}

TEST_CASE("a hundred partitions are attached at once, or none of them") {
  CHECK(status_of(hundred_at_once, kBridge) == 0);
}

TEST_CASE("verbs for the same partitions at once do not disturb each other", "[rounds]") {
  CHECK(status_of(many_verbs, kBridge) == 0);
}

TEST_CASE("a bridge that is full says so") {
  CHECK(status_of(full_bridge, kBridge) == 0);
}

TEST_CASE("an interface that is in the namespace already is left alone") {
  CHECK(status_of(taken_interface, kBridge) == 0);
}

TEST_CASE("routed partitions have an address each, and no bridge") {
  CHECK(status_of(attach_and_detach, kRouted) == 0);
}
