// In network namespaces that the test makes.
#include "netsetup/device/move.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/io.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {

#define NEED(...)                                        \
  if (!(__VA_ARGS__)) {                                  \
    dprintf(2, "line %d: %s\n", __LINE__, #__VA_ARGS__); \
    return 1;                                            \
  }

// A network namespace that the test is not in.
UniqueFd other_namespace() {
  UniqueFd home = *open_file("/proc/thread-self/ns/net", O_RDONLY);
  unshare(CLONE_NEWNET);
  UniqueFd out = *open_file("/proc/thread-self/ns/net", O_RDONLY);
  setns(home.get(), CLONE_NEWNET);
  return out;
}

// What ip(8) prints, here or in `netns`.
std::string ip(const std::string& words, int netns = -1) {
  UniqueFd home = *open_file("/proc/thread-self/ns/net", O_RDONLY);
  if (netns >= 0) setns(netns, CLONE_NEWNET);
  FILE* pipe = popen(("ip " + words + " 2>&1").c_str(), "r");
  std::string out;
  char buffer[4096];
  size_t n = 0;
  while ((n = fread(buffer, 1, sizeof buffer, pipe)) > 0) out.append(buffer, n);
  pclose(pipe);
  setns(home.get(), CLONE_NEWNET);
  return out;
}

int move_and_return() {
  UniqueFd there = other_namespace();
  ip("link add up0 mtu 1410 address 02:00:00:00:00:07 type veth peer name up1");
  ip("address add 192.0.2.7/24 broadcast 192.0.2.255 dev up0");
  ip("address add 198.51.100.1 peer 198.51.100.2/32 dev up0");
  ip("address add 10.9.9.9/24 scope link dev up0");
  ip("address add 2001:db8::7/64 nodad dev up0");
  ip("address add 2001:db8:1::7/64 valid_lft 3000 preferred_lft 3000 nodad dev up0");  // not permanent
  const DeviceMove moves[] = {{"up0", "net0"}, {"up1", ""}};
  Result<std::vector<MovedDevice>> moved = move_devices(moves, there.get());
  if (!moved) dprintf(2, "%s\n", moved.error().text.c_str());
  NEED(moved && moved->size() == 2);
  NEED((*moved)[0].new_name == "net0" && !(*moved)[0].was_up && (*moved)[0].addresses.size() == 3);
  NEED(!ip("link").contains("up0") && !ip("link").contains("up1"));
  std::string seen = ip("address show dev net0", there.get());
  for (const char* part :
       {"mtu 1410", "02:00:00:00:00:07", ",UP", "inet 192.0.2.7/24 brd 192.0.2.255 scope global",
        "inet 198.51.100.1 peer 198.51.100.2/32", "inet6 2001:db8::7/64 scope global"})
    if (!seen.contains(part)) {
      dprintf(2, "%s is not in %s\n", part, seen.c_str());
      return 1;
    }
  NEED(!seen.contains("10.9.9.9") && !seen.contains("2001:db8:1::7") && !seen.contains("global tentative"));
  NEED(ip("link show dev up1", there.get()).contains(",UP"));
  NEED(return_devices(*moved, there.get()));
  NEED(!ip("link", there.get()).contains("net0"));
  seen = ip("address show dev up0");
  NEED(seen.contains("192.0.2.7/24") && seen.contains("2001:db8::7/64") && seen.contains("mtu 1410"));
  NEED(!seen.contains(",UP"));  // as it was
  return 0;
}

std::string refusal(std::initializer_list<DeviceMove> moves, int netns) {
  std::vector<DeviceMove> all(moves);
  Result<std::vector<MovedDevice>> moved = move_devices(all, netns);
  return moved ? "it worked" : moved.error().text;
}

// What goes wrong, and that what went before is back.
int refusals() {
  UniqueFd there = other_namespace();
  ip("link add up0 type veth peer name up1");
  ip("link set up0 up");
  ip("address add 192.0.2.7/24 dev up0");
  ip("link add net0 type veth peer name net7", there.get());
  NEED(refusal({{"up0", ""}, {"nothing", ""}}, there.get()) ==
       R"(move network device "nothing" into the container: there is no such device)");
  NEED(refusal({{"up0", ""}, {"up1", "net0"}}, there.get()) ==
       R"(move network device "up1" into the container as "net0": )"
       R"(the container's network namespace has a device "net0" already)");
  NEED(refusal({{"up0", ""}, {"lo", "net8"}}, there.get()) ==
       R"(move network device "lo" into the container as "net8": Invalid argument)");
  UniqueFd here = *open_file("/proc/thread-self/ns/net", O_RDONLY);
  NEED(refusal({{"up0", ""}}, here.get()) ==
       "network devices cannot be moved: the container's network namespace is the host's");
  std::string seen = ip("address show dev up0");
  NEED(seen.contains("192.0.2.7/24") && seen.contains(",UP"));
  NEED(!ip("link", there.get()).contains(" up"));
  // The first free number each.
  const DeviceMove templates[] = {{"up0", "net%d"}, {"up1", "net%d"}};
  Result<std::vector<MovedDevice>> moved = move_devices(templates, there.get());
  NEED(moved && (*moved)[0].new_name == "net1" && (*moved)[1].new_name == "net2");
  // One that is gone does not keep the others from coming back.
  ip("link set net1 down", there.get());  // before Linux 6.2 it has no other name while it is up
  ip("link set net1 name elsewhere", there.get());
  Result<> back = return_devices(*moved, there.get());
  NEED(!back);
  NEED(back.error().text == R"(take network device "up0" back: device "net1" is not there any more)");
  NEED(ip("link").contains("up1"));
  return 0;
}

int apart(int (*body)()) {
  pid_t pid = fork();
  if (pid == 0) _exit(unshare(CLONE_NEWNET) != 0 ? 99 : body());
  int status = 0;
  waitpid(pid, &status, 0);
  return status;
}

}  // namespace

TEST_CASE("network devices move with what is permanent about them, and come back as they were") {
  CHECK(apart(move_and_return) == 0);
}

TEST_CASE("network devices move all or none") {
  CHECK(apart(refusals) == 0);
}
