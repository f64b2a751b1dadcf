// Device rules: their meaning, the BPF program and the v1 list made from them. The program is run by a small
// interpreter of the instructions that the assembler emits, and compared with the meaning over random rules.
#include "cgroups/device_rules.h"

#include <array>
#include <random>

#include "cgroups/device_program.h"
#include "cgroups/devices.h"
#include "tests/catch.h"

// Rules and resources are given by the few members that matter.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

using namespace shoji;

namespace {

std::vector<DevicePermission> permissions(const std::vector<DeviceRule>& rules) {
  auto result = device_permissions(rules);
  REQUIRE(result);
  return *result;
}

struct Access {
  char type;
  int64_t major, minor;
  uint8_t access;
};

// What the kernel would do with the program (Documentation/bpf/standardization/instruction-set.rst).
bool run(const std::vector<bpf_insn>& program, const Access& access) {
  std::array<uint64_t, 11> reg{};
  uint32_t type = access.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
  std::array<uint32_t, 3> context = {(uint32_t{access.access} << 16) | type,
                                     static_cast<uint32_t>(access.major),
                                     static_cast<uint32_t>(access.minor)};
  for (size_t pc = 0; pc < program.size(); ++pc) {
    const bpf_insn& insn = program[pc];
    uint64_t& to = reg[insn.dst_reg];
    auto from = static_cast<uint32_t>(reg[insn.src_reg]);
    switch (insn.code) {
      case BPF_LDX | BPF_W | BPF_MEM:
        REQUIRE(insn.src_reg == BPF_REG_1);
        to = context.at(static_cast<size_t>(insn.off) / 4);
        break;
      case BPF_ALU | BPF_MOV | BPF_X:
        to = from;
        break;
      case BPF_ALU | BPF_OR | BPF_X:
        to = static_cast<uint32_t>(to) | from;
        break;
      case BPF_ALU | BPF_LSH | BPF_K:
        to = static_cast<uint32_t>(to) << insn.imm;
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        to = static_cast<uint32_t>(to) & static_cast<uint32_t>(insn.imm);
        break;
      case BPF_ALU | BPF_RSH | BPF_K:
        to = static_cast<uint32_t>(to) >> insn.imm;
        break;
      case BPF_ALU64 | BPF_MOV | BPF_K:
        to = static_cast<uint64_t>(static_cast<int64_t>(insn.imm));
        break;
      case BPF_JMP32 | BPF_JNE | BPF_K:
        if (static_cast<uint32_t>(to) != static_cast<uint32_t>(insn.imm)) pc += static_cast<size_t>(insn.off);
        break;
      case BPF_JMP32 | BPF_JEQ | BPF_K:
        if (static_cast<uint32_t>(to) == static_cast<uint32_t>(insn.imm)) pc += static_cast<size_t>(insn.off);
        break;
      case BPF_JMP | BPF_EXIT:
        return reg[0] != 0;
      default:
        FAIL("an instruction that the interpreter does not know");
    }
  }
  FAIL("the program runs off its end");
  return false;
}

template <typename Visit>
void for_each_access(Visit visit) {
  for (char type : {'b', 'c'}) {
    for (int64_t major : {0, 1, 2}) {
      for (int64_t minor : {0, 1, 2}) {
        for (uint8_t access = 1; access <= kDeviceAll; ++access) visit(Access{type, major, minor, access});
      }
    }
  }
}

std::vector<DevicePermission> random_rules(std::mt19937& random) {
  auto pick = [&](int count) { return static_cast<int>(random() % static_cast<unsigned>(count)); };
  std::vector<DevicePermission> rules;
  if (pick(2) == 0) rules.push_back({.allow = pick(2) == 0});
  for (int i = pick(6); i > 0; --i) {
    rules.push_back({.allow = pick(2) == 0,
                     .type = pick(2) == 0 ? 'b' : 'c',
                     .major = pick(3) - 1,
                     .minor = pick(3) - 1,
                     .access = static_cast<uint8_t>(1 + pick(kDeviceAll))});
  }
  return rules;
}

// The meaning of a v1 list (security/device_cgroup.c): exceptions from a default. An allowance must hold all of the
// access in one entry, a denial bites if it touches any of it.
bool list_allows(const DeviceList& list, const Access& access) {
  for (const DevicePermission& rule : list.exceptions) {
    if (rule.type != access.type || (rule.major != kAnyNumber && rule.major != access.major) ||
        (rule.minor != kAnyNumber && rule.minor != access.minor)) {
      continue;
    }
    if (list.allow_by_default && (rule.access & access.access) != 0) return false;
    if (!list.allow_by_default && (access.access & ~rule.access) == 0) return true;
  }
  return list.allow_by_default;
}

}  // namespace

TEST_CASE("devices: an empty list denies all but the usual ones") {
  auto rules = permissions({});
  CHECK(allows_device(rules, 'c', 1, 3, kDeviceAll));
  CHECK(allows_device(rules, 'c', 136, 17, kDeviceRead | kDeviceWrite));
  CHECK(allows_device(rules, 'b', 8, 0, kDeviceMknod));
  CHECK_FALSE(allows_device(rules, 'b', 8, 0, kDeviceRead));
  CHECK_FALSE(allows_device(rules, 'b', 8, 0, kDeviceRead | kDeviceMknod));
  CHECK_FALSE(allows_device(rules, 'c', 1, 1, kDeviceRead));
  CHECK_FALSE(allows_every_device(rules));
}

TEST_CASE("devices: the last rule decides, each kind of access for itself") {
  auto rules = permissions({{.allow = true, .type = "b", .major = 8},
                            {.allow = false, .type = "b", .major = 8, .minor = 1, .access = "w"}});
  CHECK(allows_device(rules, 'b', 8, 0, kDeviceRead | kDeviceWrite));
  CHECK(allows_device(rules, 'b', 8, 1, kDeviceRead));
  CHECK_FALSE(allows_device(rules, 'b', 8, 1, kDeviceRead | kDeviceWrite));
}

TEST_CASE("devices: a rule about everything forgets what was before") {
  auto rules = permissions({{.allow = false}, {.allow = true, .type = "a"}});
  CHECK(allows_every_device(rules));
  CHECK(rules.front() == DevicePermission{.allow = true});
  rules = permissions({{.allow = true}, {.allow = false, .type = "a", .access = "rwm"}});
  CHECK_FALSE(allows_device(rules, 'b', 8, 0, kDeviceRead));
}

TEST_CASE("devices: \"a\" with less than everything means just that") {
  auto rules = permissions({{.allow = true, .type = "a", .access = "r"}});
  CHECK(allows_device(rules, 'b', 8, 0, kDeviceRead));
  CHECK_FALSE(allows_device(rules, 'b', 8, 0, kDeviceWrite));
  auto list = device_list(rules);
  REQUIRE(list);
  CHECK(list_allows(*list, {'b', 8, 0, kDeviceRead}));
  CHECK_FALSE(list_allows(*list, {'b', 8, 0, kDeviceWrite}));
}

TEST_CASE("devices: what is not a rule is invalid") {
  for (const DeviceRule& rule :
       {DeviceRule{.type = "x"}, DeviceRule{.type = "c", .access = "rx"},
        DeviceRule{.type = "c", .major = -2}, DeviceRule{.type = "c", .major = int64_t{1} << 32}}) {
    auto result = device_permissions({rule});
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == Kind::kInvalid);
  }
}

TEST_CASE("devices: the BPF program is the meaning, over random rules") {
  std::mt19937 random(1);
  for (int i = 0; i < 400; ++i) {
    auto rules = random_rules(random);
    auto program = device_program(rules);
    bool same = true;
    for_each_access([&](const Access& access) {
      same &= run(program, access) ==
              allows_device(rules, access.type, access.major, access.minor, access.access);
    });
    CHECK(same);
  }
}

TEST_CASE("devices: a program stays small: one comparison for a usual rule") {
  auto program = device_program(permissions({}));
  CHECK(program.size() <= 32);
  auto more = device_program(permissions({{.allow = true, .type = "c", .major = 10, .minor = 229}}));
  CHECK(more.size() == program.size() + 1);
}

TEST_CASE("devices: numbers that no device has match nothing") {
  auto rules = permissions({{.allow = true, .type = "c", .major = 4096, .minor = 1}});
  CHECK(device_program(rules).size() == device_program(permissions({})).size());
}

TEST_CASE("devices: a v1 list never allows more, and is the meaning for each single access") {
  std::mt19937 random(2);
  int expressible = 0;
  for (int i = 0; i < 400; ++i) {
    auto rules = random_rules(random);
    auto list = device_list(rules);
    if (!list) {
      CHECK(list.error().kind == Kind::kUnsupported);
      continue;
    }
    ++expressible;
    bool same = true, never_more = true;
    for_each_access([&](const Access& access) {
      bool meant = allows_device(rules, access.type, access.major, access.minor, access.access);
      bool held = list_allows(*list, access);
      bool single = (access.access & (access.access - 1)) == 0;
      // Two allowances that together cover a combined access do so for v2 alone: v1 wants one entry.
      if (single) same &= meant == held;
      never_more &= meant || !held;
    });
    CHECK(same);
    CHECK(never_more);
  }
  CHECK(expressible > 100);
}

TEST_CASE("devices: v1 cannot deny inside what it allows") {
  auto list = device_list(permissions(
      {{.allow = true, .type = "c", .major = 5}, {.allow = false, .type = "c", .major = 5, .minor = 1}}));
  REQUIRE_FALSE(list);
  CHECK(list.error().kind == Kind::kUnsupported);
  CHECK(list.error().text ==
        "limit devices: deny \"c 5:1 rwm\" inside allow \"c 5:* rwm\": the v1 devices controller cannot "
        "express that");
}

TEST_CASE("devices: changes to a v1 list") {
  using Changes = std::vector<DeviceListChange>;
  DeviceList all{.allow_by_default = true, .exceptions = {}};
  DeviceList null_only{.allow_by_default = false,
                       .exceptions = {{.allow = true, .type = 'c', .major = 1, .minor = 3}}};
  CHECK(device_list_changes("a *:* rwm\n", all).empty());
  CHECK(device_list_changes("c 1:3 rwm\n", all) == Changes{{true, "a"}});
  CHECK(device_list_changes("a *:* rwm\n", null_only) == Changes{{false, "a"}, {true, "c 1:3 rwm"}});
  CHECK(device_list_changes("c 1:3 rwm\n", null_only).empty());
  CHECK(device_list_changes("c 1:3 r\nb 8:* rw\n", null_only) ==
        Changes{{true, "c 1:3 wm"}, {false, "b 8:* rw"}});
  DeviceList no_disk{.allow_by_default = true, .exceptions = {{.allow = false, .type = 'b', .major = 8}}};
  CHECK(device_list_changes("a *:* rwm\n", no_disk) == Changes{{true, "a"}, {false, "b 8:* rwm"}});
}
