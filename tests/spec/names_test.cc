#include "spec/names.h"

#include <linux/sched.h>

#include <csignal>
#include <set>

#include "tests/catch.h"

using namespace shoji;

TEST_CASE("names: words and numbers find each other") {
  CHECK(find_number(capabilities(), "CAP_SYS_ADMIN") == 21);
  CHECK(find_name(capabilities(), 40) == "CAP_CHECKPOINT_RESTORE");
  CHECK(find_number(rlimits(), "RLIMIT_NOFILE") == 7);
  CHECK(find_number(namespace_types(), "network") == CLONE_NEWNET);
  CHECK(!find_number(namespace_types(), "net"));
  CHECK(find_name(rlimits(), 99).empty());
  CHECK(list_names(personality_domains()) == "LINUX or LINUX32");
  CHECK(list_names(io_priority_classes()) == "IOPRIO_CLASS_RT, IOPRIO_CLASS_BE or IOPRIO_CLASS_IDLE");
}

TEST_CASE("names: capabilities are complete and in the order of their numbers") {
  for (size_t i = 0; i < capabilities().size(); ++i)
    CHECK(capabilities()[i].number == static_cast<int64_t>(i));
  CHECK(capabilities().size() == 41);
}

TEST_CASE("names: no table has a word twice") {
  for (NameTable table :
       {namespace_types(), capabilities(), rlimits(), io_priority_classes(), scheduler_policies(),
        scheduler_flags(), memory_policy_modes(), memory_policy_flags(), personality_domains(),
        seccomp_flags(), seccomp_actions(), seccomp_operators(), seccomp_architectures()}) {
    std::set<std::string_view> words;
    for (const NamedNumber& row : table) CHECK(words.insert(row.name).second);
  }
}

TEST_CASE("names: signals by name, by number and in real time") {
  CHECK(parse_signal("SIGTERM") == SIGTERM);
  CHECK(parse_signal("term") == SIGTERM);
  CHECK(parse_signal("sigKill") == SIGKILL);
  CHECK(parse_signal("15") == 15);
  CHECK(parse_signal("0") == 0);
  CHECK(parse_signal("CLD") == SIGCHLD);
  CHECK(parse_signal("RTMIN") == SIGRTMIN);
  CHECK(parse_signal("SIGRTMIN+3") == SIGRTMIN + 3);
  CHECK(parse_signal("rtmax-1") == SIGRTMAX - 1);
  for (const char* bad :
       {"", "SIG", "65", "-1", "1x", "RTMIN-1", "RTMIN+31", "RTMAX+1", "RTMIN+", "TERMINATE", "+9"}) {
    auto refused = parse_signal(bad);
    REQUIRE(!refused);
    CHECK(refused.error().kind == Kind::kInvalid);
    CHECK(refused.error().text.starts_with("signal \"" + std::string(bad) + "\": "));
  }
}

TEST_CASE("names: every signal's name is read back as its number") {
  for (int number = 0; number <= 64; ++number) CHECK(parse_signal(signal_name(number)) == number);
  CHECK(signal_name(SIGABRT) == "SIGABRT");
  CHECK(signal_name(SIGIO) == "SIGIO");
  CHECK(signal_name(36) == "SIGRTMIN+2");
  CHECK(signal_name(0) == "0");
}
