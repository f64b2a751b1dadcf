#include "netsetup/firewall/slots.h"

#include <algorithm>

#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {
std::vector<ServiceMember> members_of(std::vector<uint16_t> weights) {
  std::vector<ServiceMember> out;
  for (size_t i = 0; i < weights.size(); ++i)
    out.push_back({.partition = cat("m", i),
                   .address = *Address::parse(cat("10.7.0.", i + 2)),
                   .port = 80,
                   .weight = weights[i]});
  return out;
}
std::vector<std::string> keys_of(const std::vector<size_t>& slots,
                                 const std::vector<ServiceMember>& members) {
  std::vector<std::string> out;
  for (size_t slot : slots) out.push_back(slot == kNobody ? "" : member_key(members[slot]));
  return out;
}
size_t count(const std::vector<size_t>& slots, size_t member) {
  return static_cast<size_t>(std::ranges::count(slots, member));
}
}  // namespace

TEST_CASE("slots are shared by weight, and a member's lie apart") {
  std::vector<ServiceMember> members = members_of({1, 1, 1, 1, 1, 1, 1, 1});
  std::vector<size_t> slots = assign_slots({}, members);
  for (size_t i = 0; i < 8; ++i) CHECK(count(slots, i) == kSlots / 8);
  for (size_t i = 0; i + 8 < kSlots; ++i) CHECK(slots[i] == slots[i + 8]);
  slots = assign_slots({}, members_of({3, 1, 0}));
  CHECK(count(slots, 0) == 90);
  CHECK(count(slots, 1) == 30);
  CHECK(count(slots, 2) == 0);
  slots = assign_slots({}, members_of({1000, 1, 1000, 1}));
  CHECK(count(slots, 0) == 59);
  CHECK(count(slots, 1) == 1);
  CHECK(count(slots, 3) == 1);
  slots = assign_slots({}, members_of({1, 1, 1, 1, 1, 1, 1}));
  for (size_t i = 0; i < 7; ++i) CHECK((count(slots, i) == 17 || count(slots, i) == 18));
}

TEST_CASE("a change moves no more slots than the weights ask for") {
  std::vector<ServiceMember> members = members_of({1, 1, 1, 1});
  std::vector<std::string> before = keys_of(assign_slots({}, members), members);
  SECTION("one leaves: only its slots move") {
    members[1].healthy = false;
    std::vector<std::string> after = keys_of(assign_slots(before, members), members);
    for (size_t i = 0; i < kSlots; ++i)
      if (before[i] != "10.7.0.3#80") CHECK(after[i] == before[i]);
    CHECK(std::ranges::count(after, "10.7.0.3#80") == 0);
  }
  SECTION("one joins: it takes its share and nothing else moves") {
    members = members_of({1, 1, 1, 1, 1});
    std::vector<std::string> after = keys_of(assign_slots(before, members), members);
    size_t moved = 0;
    for (size_t i = 0; i < kSlots; ++i)
      if (after[i] != before[i]) {
        ++moved;
        CHECK(after[i] == "10.7.0.6#80");
      }
    CHECK(moved == kSlots / 5);
  }
  SECTION("nothing changes: nothing moves") {
    CHECK(keys_of(assign_slots(before, members), members) == before);
  }
  SECTION("nobody is left") {
    for (ServiceMember& member : members) member.weight = 0;
    for (size_t slot : assign_slots(before, members)) CHECK(slot == kNobody);
  }
}

TEST_CASE("more members than slots") {
  std::vector<size_t> slots = assign_slots({}, members_of(std::vector<uint16_t>(200, 1)));
  CHECK(std::ranges::count(slots, kNobody) == 0);
  for (size_t i = 0; i < 200; ++i) CHECK(count(slots, i) <= 1);
}
