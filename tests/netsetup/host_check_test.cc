// What somebody else has changed is found and mended, in network namespaces that the test makes.
#include <functional>

#include "netsetup/firewall/firewall.h"
#include "netsetup/ports/ports.h"
#include "tests/catch.h"
#include "tests/netsetup/host_scene.h"

using namespace shoji;
using namespace shoji::net;
using namespace shoji::net::test;

namespace {

struct Damage {
  const char* what;   // the fault that is found, as far as it is always the same
  bool whole = true;  // the partition is as before after the repair
  Result<> (*done)(Scene& scene, const Attachment& web1);
};

Result<> inside(Scene& scene, const std::function<void(Batch&, int index)>& fill) {
  TRY_ASSIGN(RouteSocket there, RouteSocket::open_in(scene.netns("web1").get()));
  TRY_ASSIGN(int index, there.index_of("eth0"));
  Batch batch;
  fill(batch, index);
  return batch.send(there);
}

Result<> outside(Scene& scene, const std::string& name, const LinkChange& change) {
  TRY_ASSIGN(int index, scene.host.index_of(name));
  Batch batch;
  change_link(batch, index, change, "damage");
  return batch.send(scene.host);
}

constexpr LinkChange nothing() {
  return {.up = {}, .mac = {}, .mtu = {}, .master = {}, .name = {}};
}

const Damage kDamages[] = {
    {"on the host is gone", true,
     [](Scene& scene, const Attachment& web1) {
       return remove_links(scene.host, {&web1.host_interface, 1});
     }},
    {"on the host is down", true,
     [](Scene& scene, const Attachment& web1) {
       LinkChange down = nothing();
       down.up = false;
       return outside(scene, web1.host_interface, down);
     }},
    {"is no port of", true,
     [](Scene& scene, const Attachment& web1) {
       LinkChange alone = nothing();
       alone.master = 0;
       return outside(scene, web1.host_interface, alone);
     }},
    {"its interface eth0 is down", true,
     [](Scene& scene, const Attachment& /*web1*/) {
       return inside(scene, [](Batch& batch, int index) {
         LinkChange down = nothing();
         down.up = false;
         change_link(batch, index, down, "damage");
       });
     }},
    {"its address", true,
     [](Scene& scene, const Attachment& web1) {
       return inside(scene,
                     [&](Batch& batch, int index) { remove_address(batch, index, web1.addresses[0]); });
     }},
    {"its route to", true,
     [](Scene& scene, const Attachment& web1) {
       return inside(scene, [&](Batch& batch, int index) {
         remove_route(batch, index,
                      {.destination = *Prefix::parse("0.0.0.0/0"), .gateway = web1.gateways[0]});
       });
     }},
    {"rate in is not limited", true,
     [](Scene& scene, const Attachment& web1) { return remove_rates(scene.host, web1.host_interface); }},
    {"is not leased to it", true,
     [](Scene& scene, const Attachment& web1) { return release_addresses(scene.store, web1); }},
    {"is leased to \"ghost\"", true,
     [](Scene& scene, const Attachment& web1) -> Result<> {
       TRY_ASSIGN(Network network, find_network(scene.store, web1.network));
       TRY_ASSIGN(std::string boot, current_boot_id());
       return lease_address(lease_pools(scene.store, network)[0], ip("10.7.0.200"), "ghost", boot);
     }},
    {"not all of its published ports are claimed", true,
     [](Scene& scene, const Attachment& web1) {
       return release_ports(scene.store.run, "partition \"web1\" on network \"net\"", web1.ports);
     }},
    {"which does not publish it", true,
     [](Scene& scene, const Attachment& /*web1*/) {
       return claim_ports(scene.store.run, "partition \"ghost\" on network \"net\"",
                          {*parse_published_port("7777:80/tcp")}, {Family::kIpv4});
     }},
    {"nobody is in its pinned network namespace", true,
     [](Scene& scene, const Attachment& /*web1*/) -> Result<> {
       TRY(make_netns(scene.store.netns_directory(), "ghost"));
       return {};
     }},
    {"belongs to no partition", true,
     [](Scene& scene, const Attachment& web1) -> Result<> {
       TRY_ASSIGN(Network network, find_network(scene.store, web1.network));
       TRY_ASSIGN(int bridge, scene.host.index_of(network.interface_name()));
       Batch batch;
       add_veth(batch, {.name = "sj0a0700c8zz", .mac = {}}, {.name = "stray", .mac = {}}, {.master = bridge});
       return batch.send(scene.host);
     }},
    {"its gateways are not the network's", true,
     [](Scene& scene, const Attachment& web1) {
       Attachment other = web1;
       other.gateways[0] = ip("10.7.0.99");
       return write_record(scene.store, other);
     }},
    {"",  // whatever it says of its tables
     true,
     [](Scene& /*scene*/, const Attachment& /*web1*/) -> Result<> {
       TRY_ASSIGN(Firewall firewall, Firewall::open());
       return firewall.remove_tables();
     }},
    {"its network namespace is gone", false,
     [](Scene& scene, const Attachment& web1) {
       return remove_netns(scene.store.netns_directory(), web1.partition);
     }},
    {"cannot be read", false,
     [](Scene& scene, const Attachment& web1) {
       return write_file_atomically(cat(scene.store.run, "/attachments/", web1.partition, "/net"), "garbage");
     }},
};

bool are(const std::vector<Fault>& faults, std::string_view what, bool repaired) {
  if (faults.empty()) dprintf(2, "no fault: %s\n", std::string(what).c_str());
  for (const Fault& fault : faults) {
    if (fault.repaired == repaired && (fault.what.find(what) != std::string::npos || faults.size() > 1))
      continue;
    dprintf(2, "%s: %s\n", fault.subject.c_str(), fault.what.c_str());
    return false;
  }
  return !faults.empty();
}

int damages_are_mended(const std::string& directory, const char* document) {
  Scene scene(directory);
  HostNetworks networks = scene.networks();
  NEED(networks.create_network(*parse_network(document, "test")));
  AttachRequest request = to("net", {ip("10.7.0.50")});
  request.ports = {*parse_published_port("8080:80/tcp")};
  request.rates = {.in = 50'000'000, .out = 50'000'000};
  for (const Damage& damage : kDamages) {
    auto made = networks.attach({of("web1", request)});
    NEED(made && networks.check(false)->empty());
    NEED(damage.done(scene, (*made)[0]));
    NEED(are(*networks.check(false), damage.what, false));
    NEED(are(*networks.check(true), damage.what, true));
    const std::vector<Fault> left = *networks.check(false);
    for (const Fault& fault : left) dprintf(2, "after %s: %s\n", damage.what, fault.what.c_str());
    NEED(left.empty());
    NEED(list_attachments(scene.store, "web1")->size() == (damage.whole ? 1 : 0));
    if (damage.whole) NEED(reaches(scene.here.get(), scene.netns("web1").get(), (*made)[0].addresses[0]));
    NEED(networks.remove({"web1"}));
    NEED(nothing_left(scene));
  }
  return 0;
}

}  // namespace

TEST_CASE("what somebody changed on the host or in a partition is found and mended") {
  CHECK(status_of(damages_are_mended, kBridge) == 0);
}
