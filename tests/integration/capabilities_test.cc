// process.capabilities.
#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

namespace {

constexpr const char* kAllSets = "status CapInh CapPrm CapEff CapBnd CapAmb";

std::string sets(const std::string& inheritable, const std::string& permitted, const std::string& effective,
                 const std::string& bounding, const std::string& ambient) {
  auto wide = [](const std::string& hex) { return std::string(16 - hex.size(), '0') + hex; };
  return "CapInh: " + wide(inheritable) + "\nCapPrm: " + wide(permitted) + "\nCapEff: " + wide(effective) +
         "\nCapBnd: " + wide(bounding) + "\nCapAmb: " + wide(ambient) + "\n";
}

}  // namespace

TEST_CASE("each capability set is as configured", "[capabilities]") {
  Sandbox box;
  box.bundle.set("/process/capabilities", R"({"bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"],
    "permitted": ["CAP_CHOWN", "CAP_KILL"], "effective": ["CAP_CHOWN", "CAP_KILL"],
    "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]})");
  box.bundle.set("/process/user/uid", "1000").probe(kAllSets);
  // For a user other than root the kernel keeps across execve what is ambient.
  CHECK(box.outcome() == sets("20", "20", "20", "a1", "20"));
}

TEST_CASE("root keeps the bounding set across execve", "[capabilities]") {
  Sandbox box;
  box.bundle.set("/process/capabilities", R"({"bounding": ["CAP_CHOWN", "CAP_KILL"],
    "permitted": ["CAP_CHOWN", "CAP_KILL"], "effective": ["CAP_CHOWN", "CAP_KILL"]})");
  box.bundle.probe(kAllSets);
  CHECK(box.outcome() == sets("0", "21", "21", "21", "0"));
}

TEST_CASE("without capabilities there is none", "[capabilities]") {
  Sandbox box;
  box.bundle.set("/process/capabilities", "{}").probe("status CapPrm CapEff CapBnd CapAmb");
  std::string none =
      "CapPrm: 0000000000000000\nCapEff: 0000000000000000\nCapBnd: 0000000000000000\n"
      "CapAmb: 0000000000000000\n";
  CHECK(box.outcome() == none);
  box.bundle.set("/process/user/uid", "1000");
  CHECK(box.outcome() == none);
}

TEST_CASE("an ambient capability reaches a program of another user", "[capabilities]") {
  Sandbox box;
  box.bundle.capabilities({"CAP_NET_BIND_SERVICE"})
      .set("/process/user/uid", "33")
      .probe("status CapEff CapAmb");
  CHECK(box.outcome() == "CapEff: 0000000000000400\nCapAmb: 0000000000000400\n");
}

TEST_CASE("an unknown capability is a warning, as in runc", "[capabilities]") {
  Sandbox box;
  box.bundle.set("/process/capabilities", R"({"bounding": ["CAP_CHOWN", "CAP_TIME_TRAVEL"],
    "permitted": ["CAP_CHOWN"], "effective": ["CAP_CHOWN"]})");
  box.bundle.probe("status CapEff");
  Finished f = box.run();
  CHECK(f.code == 0);
  CHECK(f.out == "CapEff: 0000000000000001\n");
  CHECK(f.err == saying("CAP_TIME_TRAVEL"));
  CHECK(f.err == saying("warn"));
}

TEST_CASE("a dropped capability cannot be regained", "[capabilities]") {
  Sandbox box;
  box.bundle.capabilities({"CAP_KILL"})
      .probe("call chroot /proc , call sethostname /x 2 , call chown /probe 1 1");
  CHECK(box.outcome() == "chroot=EPERM\nsethostname=EPERM\nchown=EPERM\n");
}
