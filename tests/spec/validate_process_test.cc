#include "spec/cpu_list.h"
#include "spec/sysctl_name.h"
#include "spec/validate.h"
#include "tests/catch.h"
#include "tests/spec/good_spec.h"

using namespace shoji;

namespace {
std::string verdict(void (*change)(Process& process)) {
  Process process = *good_spec().process;
  REQUIRE(validate_process(process));
  change(process);
  Result<> result = validate_process(process);
  return result ? "" : result.error().text;
}
}  // namespace

TEST_CASE("validate: process") {
  CHECK(verdict([](Process& p) { p.args.clear(); }) == "/process/args: missing");
  CHECK(verdict([](Process& p) { p.args = {""}; }) == "/process/args/0: empty");
  CHECK(verdict([](Process& p) { p.cwd = "home"; }) == "/process/cwd: \"home\" is not an absolute path");
  CHECK(verdict([](Process& p) { p.env.emplace_back("X"); }) ==
        "/process/env/1: \"X\" is not of the form NAME=value");
  CHECK(verdict([](Process& p) { p.env = {"=x"}; }) ==
        "/process/env/0: \"=x\" is not of the form NAME=value");
  CHECK(verdict([](Process& p) { p.env = {"X="}; }).empty());
  CHECK(verdict([](Process& p) { p.user.umask = 512; }) ==
        "/process/user/umask: 512 is greater than 511 (octal 777)");
  CHECK(verdict([](Process& p) {
          p.terminal = true;
          p.console_size = ConsoleSize{1, 65536};
        }) == "/process/consoleSize/width: greater than 65535");
  CHECK(verdict([](Process& p) { p.console_size = ConsoleSize{1, 65536}; }).empty());
  CHECK(verdict([](Process& p) { p.oom_score_adj = 1001; }) ==
        "/process/oomScoreAdj: 1001 is not between -1000 and 1000");
}

TEST_CASE("validate: rlimits") {
  CHECK(verdict([](Process& p) { p.rlimits = {{"RLIMIT_CPU", 1, 2}}; }) ==
        "/process/rlimits/0: RLIMIT_CPU: the soft limit 2 is greater than the hard limit 1");
  CHECK(verdict([](Process& p) { p.rlimits = {{"RLIMIT_CPU", 1, 1}, {"RLIMIT_CPU", 1, 1}}; }) ==
        "/process/rlimits/1: RLIMIT_CPU is there twice");
  CHECK(verdict([](Process& p) {
          p.rlimits = {{"RLIMIT_FOO", 1, 1}};
        }).starts_with("/process/rlimits/0/type: \"RLIMIT_FOO\" is not one of RLIMIT_AS, "));
}

TEST_CASE("validate: scheduling") {
  CHECK(verdict([](Process& p) { p.scheduler = Scheduler{"SCHED_OTHER", 20, {}, {}, {}, {}, {}}; }) ==
        "/process/scheduler/nice: 20 is not between -20 and 19");
  CHECK(verdict([](Process& p) { p.scheduler = Scheduler{"SCHED_BATCH", {}, 1, {}, {}, {}, {}}; }) ==
        "/process/scheduler/priority: has no meaning for SCHED_BATCH, only for SCHED_FIFO and SCHED_RR");
  CHECK(verdict([](Process& p) { p.scheduler = Scheduler{"SCHED_RR", {}, 1, {}, {}, 5, {}}; }) ==
        "/process/scheduler/deadline: has no meaning for SCHED_RR, only for SCHED_DEADLINE");
  CHECK(verdict([](Process& p) { p.scheduler = Scheduler{"SCHED_DEADLINE", {}, 0, {}, 1, 2, 3}; }).empty());
  CHECK(verdict([](Process& p) { p.io_priority = IoPriority{"IOPRIO_CLASS_BE", 8}; }) ==
        "/process/ioPriority/priority: 8 is not between 0 and 7");
  CHECK(verdict([](Process& p) { p.exec_cpu_affinity = ExecCpuAffinity{"0-3", "3-0"}; }) ==
        "/process/execCPUAffinity/final: \"3-0\" is not a list like \"0-3,8\" of numbers up to 8191");
}

TEST_CASE("cpu lists become masks") {
  CHECK(parse_cpu_list("") == std::vector<uint64_t>{});
  CHECK(parse_cpu_list(" ") == std::vector<uint64_t>{});
  CHECK(parse_cpu_list("0") == std::vector<uint64_t>{1});
  CHECK(parse_cpu_list("0-3, 8") == std::vector<uint64_t>{0x10f});
  CHECK(parse_cpu_list(" 1 - 2 ,64") == std::vector<uint64_t>{6, 1});
  CHECK(parse_cpu_list("8191")->size() == 128);
  for (const char* bad : {",", "1,", ",1", "1,,2", "a", "1-", "-1", "2-1", "8192", "1 2", "99999999999"}) {
    INFO(bad);
    CHECK(!parse_cpu_list(bad));
  }
}

TEST_CASE("sysctl names are read in both styles") {
  CHECK(sysctl_dots("net.ipv4.ip_forward") == "net.ipv4.ip_forward");
  CHECK(sysctl_dots("net/ipv4/conf/eno2.100/rp_filter") == "net.ipv4.conf.eno2/100.rp_filter");
  CHECK(sysctl_path("net.ipv4.conf.eno2/100.rp_filter") == "net/ipv4/conf/eno2.100/rp_filter");
  CHECK(sysctl_path("net/ipv4/conf/eno2.100/rp_filter") == "net/ipv4/conf/eno2.100/rp_filter");
  CHECK(sysctl_path("plain") == "plain");
}
