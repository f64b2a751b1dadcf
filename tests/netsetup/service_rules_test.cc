// A service in the kernel as it is read back, in a network namespace that the test makes.

#include "netsetup/firewall/firewall.h"
#include "netsetup/firewall/slots.h"
#include "tests/catch.h"
#include "tests/netsetup/namespaces.h"

using namespace shoji;
using namespace shoji::net;
using namespace shoji::test;

namespace {

VirtualService site(Family family, Spread spread) {
  VirtualService out{.name = "site",
                     .port = *parse_published_port("80:80"),
                     .spread = spread,
                     .members = {},
                     .family = family};
  for (int i = 2; i < 5; ++i)
    out.members.push_back({.partition = cat("m", i),
                           .address = *Address::parse(cat(family == Family::kIpv4 ? "10.7.0." : "fd07::", i)),
                           .port = 8080});
  return out;
}

void need(const Result<>& result) {
  INFO((result ? "" : result.error().text));
  REQUIRE(result);
}

}  // namespace

TEST_CASE("a service is read back from the kernel as it was written, in both families and spreads") {
  UniqueFd host = new_network();
  inside(host.get(), [] {
    Firewall firewall = *Firewall::open();
    need(firewall.ensure({}));
    std::vector<ServiceChange> changes;
    for (Family family : {Family::kIpv4, Family::kIpv6}) {
      VirtualService service =
          site(family, family == Family::kIpv4 ? Spread::kRoundRobin : Spread::kSourceHash);
      CHECK_FALSE(*firewall.read_service(service));
      changes.push_back({.how = ServiceChange::How::kAnew,
                         .service = service,
                         .before = {},
                         .slots = assign_slots({}, service.members)});
    }
    need(firewall.change_services(changes));
    for (const ServiceChange& change : changes) {
      auto row = *firewall.read_service(change.service);
      REQUIRE(row);
      for (size_t i = 0; i < kSlots; ++i)
        CHECK((*row)[i] == member_key(change.service.members[change.slots[i]]));
      VirtualService other = change.service;
      other.spread = other.spread == Spread::kRoundRobin ? Spread::kSourceHash : Spread::kRoundRobin;
      CHECK_FALSE(*firewall.read_service(other));  // its chain is not that of this spread
    }
    return 0;
  });
}

TEST_CASE("a service is made anew and taken away whatever there is of it") {
  UniqueFd host = new_network();
  inside(host.get(), [] {
    Firewall firewall = *Firewall::open();
    need(firewall.ensure({}));
    VirtualService service = site(Family::kIpv4, Spread::kRoundRobin);
    ServiceChange change{.how = ServiceChange::How::kRemove, .service = service, .before = {}, .slots = {}};
    need(firewall.change_services({change}));  // nothing of it
    change.how = ServiceChange::How::kAnew;
    change.slots.assign(kSlots, 1);
    for (int round = 0; round < 3; ++round) need(firewall.change_services({change}));
    CHECK(*firewall.read_service(service) ==
          std::vector<std::string>(kSlots, member_key(service.members[1])));
    change.slots.assign(kSlots, kNobody);
    need(firewall.change_services({change}));
    CHECK(*firewall.read_service(service) == std::vector<std::string>(kSlots));
    change.how = ServiceChange::How::kRemove;
    for (int round = 0; round < 2; ++round) need(firewall.change_services({change}));
    CHECK_FALSE(*firewall.read_service(service));
    return 0;
  });
}
