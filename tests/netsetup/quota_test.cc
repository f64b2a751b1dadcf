// The month's quota in the kernel with real traffic, in network namespaces that the test makes. No clock is changed: what
// time it is is said.
#include "netsetup/usage/quota.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/io.h"
#include "netsetup/host/host_networks.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {

#define NEED(...)                                        \
  if (!(__VA_ARGS__)) {                                  \
    dprintf(2, "line %d: %s\n", __LINE__, #__VA_ARGS__); \
    return 1;                                            \
  }

constexpr uint64_t kMegabyte = 1'000'000;
constexpr size_t kSize = 1000, kWithHeaders = kSize + 28;

struct Scene {
  NetworkStore store;
  Result<RouteSocket> host = RouteSocket::open();
  Result<Firewall> firewall = Firewall::open();
  Attachment attachment;
  UniqueFd receiver, sender;

  explicit Scene(const std::string& directory) : store{directory + "/lib", directory + "/run"} {}

  int set_up() {
    NEED(host && firewall);
    NEED(create_network(store,
                        *parse_network(R"({"name": "net", "subnets": [{"subnet": "10.7.0.0/24"}]})", "t")));
    return attach();
  }
  int attach() {
    Result<HostNetworks> networks = HostNetworks::open(store);
    NEED(networks);
    PartitionRequest request{.partition = "web1", .netns = {}, .make_netns = true, .networks = {}};
    request.networks.push_back({.partition = {},
                                .network = "net",
                                .addresses = {},
                                .mac = {},
                                .ports = {},
                                .rules = {},
                                .rates = {}});
    Result<std::vector<Attachment>> made = networks->attach({request});
    if (!made) dprintf(2, "%s\n", made.error().text.c_str());
    NEED(made);
    attachment = made->at(0);
    UniqueFd home = *open_file("/proc/thread-self/ns/net", O_RDONLY);
    UniqueFd there = *open_file(attachment.netns, O_RDONLY);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(9);
    inet_pton(AF_INET, attachment.addresses[0].address.text().c_str(), &where.sin_addr);
    NEED(setns(there.get(), CLONE_NEWNET) == 0);
    receiver = UniqueFd(socket(AF_INET, SOCK_DGRAM, 0));
    bool bound = bind(receiver.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0;
    NEED(setns(home.get(), CLONE_NEWNET) == 0 && bound);
    sender = UniqueFd(socket(AF_INET, SOCK_DGRAM, 0));
    NEED(connect(sender.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
    NEED(pass(1) == 1);  // the neighbour is known now
    return 0;
  }
  int release() {
    Result<HostNetworks> networks = HostNetworks::open(store);
    NEED(networks && networks->remove({"web1"}));
    return 0;
  }
  // How many of `count` datagrams arrive.
  size_t pass(size_t count) {
    std::string block(kSize, 'x');
    size_t arrived = 0;
    for (size_t i = 0; i < count; ++i) {
      // What is dropped on its way out is refused at once.
      if (send(sender.get(), block.data(), block.size(), 0) < 0) continue;
      timeval patience{.tv_sec = 0, .tv_usec = count == 1 ? 500'000 : 0};
      setsockopt(receiver.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      arrived += recv(receiver.get(), block.data(), block.size(), count == 1 ? 0 : MSG_DONTWAIT) > 0;
    }
    while (recv(receiver.get(), block.data(), block.size(), MSG_DONTWAIT) > 0) ++arrived;
    for (int i = 0; i < 20; ++i) {
      usleep(5'000);
      while (recv(receiver.get(), block.data(), block.size(), MSG_DONTWAIT) > 0) ++arrived;
    }
    return arrived;
  }
  bool set(const TrafficQuota& quota, WallTime now = std::chrono::system_clock::now()) {
    Result<> set = set_traffic_quota(store, "web1", quota);
    if (set) set = arm_quota(store, *host, *firewall, "web1", now);
    if (!set) dprintf(2, "%s\n", set.error().text.c_str());
    return set.has_value();
  }
  FirewallSource source() {
    return [this]() -> Result<Firewall*> { return &*firewall; };
  }
};

int blocks_and_comes_back(const std::string& directory) {
  Scene scene(directory);
  NEED(scene.set_up() == 0 && scene.set({.bytes = kMegabyte}));
  size_t arrived = scene.pass(2 * kMegabyte / kWithHeaders);
  // What was counted before, and a few packets of the interface's own, are in it.
  NEED(arrived <= kMegabyte / kWithHeaders && arrived > kMegabyte / kWithHeaders - 50);
  NEED(scene.pass(10) == 0);
  // It is over in the sums too, and stays so when the partition is restarted.
  Result<std::vector<Usage>> usage = collect_usage(scene.store, *scene.host, "web1");
  NEED(usage && (*usage)[0].month_bytes + 2 * kWithHeaders > kMegabyte);
  NEED(scene.set({.bytes = 2 * kMegabyte}));
  NEED(scene.pass(10) == 10);
  NEED(scene.release() == 0);
  NEED(read_usage(scene.store, "web1")->month_bytes > kMegabyte);
  NEED(set_traffic_quota(scene.store, "web1", {.bytes = kMegabyte + kMegabyte / 10}));
  NEED(scene.attach() == 0);
  arrived = scene.pass(300);
  NEED(arrived > 20 && arrived < 100);
  NEED(scene.set({}) && scene.pass(10) == 10);
  return 0;
}

int shapes(const std::string& directory) {
  Scene scene(directory);
  constexpr uint64_t kRate = 100'000;
  NEED(scene.set_up() == 0);
  NEED(scene.set({.bytes = kMegabyte, .action = OverQuota::kShape, .rate = kRate}));
  NEED(scene.pass(kMegabyte / kWithHeaders - 20) >= kMegabyte / kWithHeaders - 30);
  // A bucket's worth passes at once, and then what the rate allows.
  size_t arrived = 0;
  for (int i = 0; i < 10; ++i) arrived += scene.pass(200);
  NEED(arrived < 1000);
  usleep(500'000);
  NEED(scene.pass(20) > 10);
  return 0;
}

int months_turn(const std::string& directory) {
  Scene scene(directory);
  NEED(scene.set_up() == 0);
  WallTime now = std::chrono::system_clock::now();
  // A rule of the last month: it has ended by itself.
  NEED(scene.set({.bytes = 2000}, now - std::chrono::days(40)));
  NEED(scene.pass(10) == 10);
  // The first verb of this month notices, and the quota holds again.
  NEED(renew_quotas(scene.store, *scene.host, scene.source(), now));
  NEED(scene.pass(10) <= 1);
  // The next month begins with nothing used.
  NEED(renew_quotas(scene.store, *scene.host, scene.source(), end_of_month(now) + std::chrono::hours(1)));
  NEED(scene.firewall->read_quotas()->at(0).used == 0);
  // Within the month nothing is done.
  NEED(scene.pass(1) == 1 && scene.pass(1) == 0);
  NEED(renew_quotas(scene.store, *scene.host, scene.source(), end_of_month(now) + std::chrono::hours(2)));
  NEED(scene.pass(1) == 0);
  return 0;
}

int is_found_lost(const std::string& directory) {
  Scene scene(directory);
  NEED(scene.set_up() == 0 && lost_quotas(scene.store, scene.source())->empty());
  NEED(scene.set({.bytes = 100}) && lost_quotas(scene.store, scene.source())->empty());
  NEED(scene.firewall->remove_quota("web1"));
  NEED(*lost_quotas(scene.store, scene.source()) == std::vector<std::string>{"web1"});
  Result<HostNetworks> networks = HostNetworks::open(scene.store);
  NEED(networks && networks->check(true));
  NEED(lost_quotas(scene.store, scene.source())->empty() && scene.pass(5) == 0);
  return 0;
}

int status_of(int (*body)(const std::string&)) {
  char name[] = "/tmp/shoji-quota.XXXXXX";
  std::string directory = mkdtemp(name);
  pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      _exit(99);
    alarm(60);
    _exit(body(directory));
  }
  int status = 0;
  waitpid(pid, &status, 0);
  ignore(remove_tree(directory), "the test is over");
  return status;
}

}  // namespace

TEST_CASE("a partition that has used up its month's bytes is blocked, until it gets more") {
  CHECK(status_of(blocks_and_comes_back) == 0);
}

TEST_CASE("a partition that has used up its month's bytes is shaped") {
  CHECK(status_of(shapes) == 0);
}

TEST_CASE("a quota ends with its month, and the next verb begins the new one") {
  CHECK(status_of(months_turn) == 0);
}

TEST_CASE("a quota that the kernel has lost is found, and mended") {
  CHECK(status_of(is_found_lost) == 0);
}
