// Namespaces, id maps, time offsets, capabilities.
#include <sched.h>
#include <unistd.h>

#include "base/path.h"
#include "namespaces/capabilities.h"
#include "namespaces/id_map.h"
#include "namespaces/namespace_set.h"
#include "namespaces/time_offsets.h"
#include "tests/catch.h"

using namespace shoji;

TEST_CASE("paths as text") {
  CHECK(clean_path("/a//b/./c/../d/") == "/a/b/d");
  CHECK(clean_path("../../x") == "/x");
  CHECK(clean_path("") == "/");
  CHECK(join_path("/bundle", "rootfs") == "/bundle/rootfs");
  CHECK(join_path("/bundle", "/rootfs") == "/rootfs");
  CHECK(is_at_or_below_path("/dev/shm", "/dev"));
  CHECK_FALSE(is_at_or_below_path("/device", "/dev"));
  CHECK(is_at_or_below_path("/device", "/"));
  CHECK(base_name("/sys/fs/cgroup/cpu,cpuacct/") == "cpu,cpuacct");
}

TEST_CASE("new and joined namespaces") {
  Spec spec;
  spec.linux.namespaces = {{"pid", ""}, {"network", "/proc/self/ns/net"}, {"mount", ""}};
  auto set = NamespaceSet::open(spec);
  REQUIRE(set);
  CHECK(set->created() == (CLONE_NEWPID | CLONE_NEWNS));
  CHECK(set->has(CLONE_NEWPID));
  CHECK_FALSE(set->has(CLONE_NEWNET));  // the runtime's own is no namespace of the container
  CHECK(set->joined().empty());
}

TEST_CASE("a joined path must be a namespace of its type") {
  Spec spec;
  auto text = [&](std::string type, std::string path) {
    spec.linux.namespaces = {{std::move(type), std::move(path)}};
    auto set = NamespaceSet::open(spec);
    return set ? "" : set.error().text;
  };
  CHECK(text("network", "/proc/self/ns/uts") ==
        "join the network namespace: \"/proc/self/ns/uts\" is of another type");
  CHECK(text("ipc", "/dev/null") == "join the ipc namespace: \"/dev/null\" is not a namespace");
  CHECK(text("pid", "/nowhere") == "join the pid namespace: open \"/nowhere\": No such file or directory");
}

TEST_CASE("id maps as text and look-up") {
  IdMap map = {{0, 100000, 1000}, {1000, 5, 1}};
  CHECK(id_map_text(map) == "0 100000 1000\n1000 5 1\n");
  CHECK(to_host_id(map, 0) == 100000u);
  CHECK(to_host_id(map, 999) == 100999u);
  CHECK(to_host_id(map, 1000) == 5u);
  CHECK_FALSE(to_host_id(map, 1001));
  auto parsed = parse_id_map("         0     100000       1000\n      1000          5          1\n");
  REQUIRE(parsed);
  CHECK(equal_maps(*parsed, map));
  CHECK_FALSE(parse_id_map("0 1\n"));
  // The whole range: the sum would not fit 32 bits.
  CHECK(to_host_id(IdMap{{0, 0, 4294967295u}}, 4294967294u) == 4294967294u);
}

TEST_CASE("time offsets") {
  Linux linux;
  CHECK(time_offsets_text(linux).empty());
  linux.monotonic_offset = TimeOffset{-5, 1000};
  linux.boottime_offset = TimeOffset{86400, 0};
  CHECK(time_offsets_text(linux) == "monotonic -5 1000\nboottime 86400 0\n");
}

TEST_CASE("capability names and masks") {
  CHECK(capability_number("CAP_CHOWN") == 0u);
  CHECK(capability_number("net_admin") == 12u);
  CHECK(capability_number("CAP_CHECKPOINT_RESTORE") == 40u);
  CHECK_FALSE(capability_number("CAP_FLY"));
  CHECK(capability_name(21) == "CAP_SYS_ADMIN");

  Capabilities wanted;
  wanted.bounding = {"CAP_CHOWN", "CAP_KILL", "CAP_FLY", "CAP_SYS_RESOURCE"};
  wanted.permitted = wanted.inheritable = {"CAP_CHOWN", "CAP_FLY"};
  wanted.effective = {"CAP_CHOWN"};
  wanted.ambient = {"CAP_CHOWN", "CAP_KILL"};
  CapabilityFacts facts;
  facts.available = ~(1ULL << 24);  // no CAP_SYS_RESOURCE
  auto masks = plan_capabilities(wanted, facts);
  REQUIRE(masks);
  CHECK(masks->bounding == 0x21);
  CHECK(masks->permitted == 1);
  CHECK(masks->inheritable == 1);
  CHECK(masks->effective == 1);
  CHECK(masks->ambient == 0x21);
  CHECK(masks->ambient_ignored == 0x20);
  REQUIRE(masks->warnings.size() == 2);
  CHECK(masks->warnings[0] == "capability \"CAP_FLY\" is not known, ignored");
  CHECK(masks->warnings[1] ==
        "capability CAP_KILL cannot be ambient: it is not both permitted and inheritable, ignored");
}

TEST_CASE("capabilities that cannot be given are errors with a name") {
  Capabilities wanted;
  wanted.permitted = {"CAP_SYS_RESOURCE"};
  CapabilityFacts facts;
  facts.available = 1;
  CHECK(plan_capabilities(wanted, facts).error().text ==
        "capability CAP_SYS_RESOURCE cannot be given: the runtime does not have it");
  wanted.permitted.clear();
  wanted.effective = {"CAP_CHOWN"};
  CHECK(plan_capabilities(wanted, facts).error().text ==
        "capability CAP_CHOWN is effective but not permitted");
  auto none = plan_capabilities(std::nullopt, facts);
  REQUIRE(none);
  CHECK((none->bounding | none->permitted | none->effective | none->inheritable | none->ambient) == 0);
}
