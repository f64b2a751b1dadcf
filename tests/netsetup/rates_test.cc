// How exactly rates hold with real traffic, in network namespaces that the test makes. More than the rate never passes;
// less may, when the host is busy with other things: then the best of several attempts counts.
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>

#include "base/io.h"
#include "netsetup/link/requests.h"
#include "netsetup/shape/shape.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {

#define NEED(...)                                        \
  if (!(__VA_ARGS__)) {                                  \
    dprintf(2, "line %d: %s\n", __LINE__, #__VA_ARGS__); \
    return 1;                                            \
  }

using Clock = std::chrono::steady_clock;
constexpr uint64_t kSlow = 10'000'000 / 8, kFast = 1'000'000'000 / 8;  // bytes per second
constexpr const char* kPartition = "10.7.0.2";
constexpr const char* kHost = "10.7.0.1";
constexpr uint16_t kPort = 9;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

sockaddr_in at(const char* address) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(kPort);
  inet_pton(AF_INET, address, &out.sin_addr);
  return out;
}

// The host's namespace, where the process is, and the partition's.
struct Scene {
  UniqueFd here, there;
  Result<RouteSocket> host = Failure(Error{});

  int set_up() {
    NEED(unshare(CLONE_NEWNS | CLONE_NEWNET) == 0);
    here = *open_file("/proc/thread-self/ns/net", O_RDONLY);
    NEED(unshare(CLONE_NEWNET) == 0);
    there = *open_file("/proc/thread-self/ns/net", O_RDONLY);
    NEED(setns(here.get(), CLONE_NEWNET) == 0);
    host = RouteSocket::open();
    Result<RouteSocket> guest = RouteSocket::open_in(there.get());
    NEED(host && guest);
    Batch batch;
    add_veth(batch, {.name = "sj0", .mac = {}}, {.name = "eth0", .mac = {}, .index = 2, .netns = there.get()},
             {});
    NEED(batch.send(*host));
    add_address(batch, *host->index_of("sj0"), *Prefix::parse("10.7.0.1/24"));
    NEED(batch.send(*host));
    change_link(batch, 2, {.up = true, .mac = {}, .mtu = {}, .master = {}, .name = {}}, "bring up eth0");
    add_address(batch, 2, *Prefix::parse("10.7.0.2/24"));
    NEED(batch.send(*guest));
    return 0;
  }
  [[nodiscard]] UniqueFd make_socket(bool in_partition, int type) const {
    setns(in_partition ? there.get() : here.get(), CLONE_NEWNET);
    UniqueFd out(socket(AF_INET, type | SOCK_CLOEXEC, 0));
    setns(here.get(), CLONE_NEWNET);
    int one = 1;
    setsockopt(out.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    return out;
  }
};

// A sender and a receiver; TCP ones are connected.
struct Flow {
  UniqueFd sender, receiver;
  pid_t pid = -1;

  bool open(const Scene& scene, bool incoming, int type) {
    sockaddr_in where = at(incoming ? kPartition : kHost);
    auto* address = reinterpret_cast<sockaddr*>(&where);
    receiver = scene.make_socket(incoming, type);
    sender = scene.make_socket(!incoming, type);
    if (bind(receiver.get(), address, sizeof where) != 0) return false;
    if (type == SOCK_STREAM && listen(receiver.get(), 1) != 0) return false;
    if (connect(sender.get(), address, sizeof where) != 0) return false;
    if (type == SOCK_STREAM) receiver = UniqueFd(accept(receiver.get(), nullptr, nullptr));
    return receiver.get() >= 0;
  }
  // As fast as it goes, until stop().
  void start(size_t block) {
    pid = fork();
    if (pid != 0) return;
    alarm(60);
    std::string bytes(block, 'x');
    while (send(sender.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0 || errno == ENOBUFS) {
    }
    _exit(0);
  }
  void stop() {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
};

// Bytes per second that arrive.
double rate_of(const Flow& flow, double seconds) {
  std::string buffer(1 << 18, '\0');
  size_t got = 0;
  Clock::time_point begin = Clock::now();
  while (seconds_since(begin) < seconds) {
    pollfd waiting{.fd = flow.receiver.get(), .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, 20) <= 0) continue;
    ssize_t n = recv(flow.receiver.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n == 0) break;
    if (n > 0) got += static_cast<size_t>(n);
  }
  return static_cast<double>(got) / seconds_since(begin);
}

int meets(const Scene& scene, uint64_t rate, bool incoming, int type) {
  constexpr int kAttempts = 6;
  double best = 0;
  for (int i = 0; i < kAttempts && best < 0.95; ++i) {
    Flow flow;
    NEED(flow.open(scene, incoming, type));
    flow.start(type == SOCK_STREAM ? 65536 : 1472);
    rate_of(flow, 0.5);  // until the first burst has gone and TCP has found the rate
    double part = rate_of(flow, 1.5) / static_cast<double>(rate);
    flow.stop();
    if (part > 1.05 || part < 0.95)
      dprintf(2, "%s %s: %.3f of %lu bytes/s\n", type == SOCK_STREAM ? "tcp" : "udp", incoming ? "in" : "out",
              part, static_cast<unsigned long>(rate));
    // Where receiving was held up what had waited comes at once: more than the rate in one attempt proves nothing.
    if (part <= 1.05) best = std::max(best, part);
  }
  return best >= 0.95 ? 0 : 1;
}

int slow_rates() {
  Scene scene;
  NEED(scene.set_up() == 0);
  // A change in its place: what holds is the last.
  NEED(set_rates(*scene.host, "sj0", {.in = kFast, .out = kFast}, 1500));
  NEED(set_rates(*scene.host, "sj0", {.in = kSlow, .out = kSlow}, 1500));
  for (bool incoming : {true, false})
    for (int type : {SOCK_STREAM, SOCK_DGRAM}) NEED(meets(scene, kSlow, incoming, type) == 0);
  return 0;
}

int fast_rates() {
  Scene scene;
  NEED(scene.set_up() == 0);
  NEED(set_rates(*scene.host, "sj0", {.in = kFast, .out = kFast}, 1500));
  for (bool incoming : {true, false}) NEED(meets(scene, kFast, incoming, SOCK_STREAM) == 0);
  return 0;
}

// Round trips of a datagram while the partition is flooded: the median.
double median_round_trip(const Scene& scene, bool incoming) {
  Flow probe;
  if (!probe.open(scene, incoming, SOCK_DGRAM)) return 1e9;
  std::vector<double> times;
  for (int i = 0; i < 25; ++i) {
    usleep(20'000);
    Clock::time_point begin = Clock::now();
    char byte = 0;
    send(probe.sender.get(), &byte, 1, 0);
    pollfd waiting{.fd = probe.receiver.get(), .events = POLLIN, .revents = 0};
    // A full queue throws the probe away: that is no wait.
    if (poll(&waiting, 1, 300) <= 0) continue;
    recv(probe.receiver.get(), &byte, 1, 0);
    times.push_back(seconds_since(begin));
  }
  if (times.empty()) return 1e9;
  std::ranges::nth_element(times, times.begin() + static_cast<ptrdiff_t>(times.size() / 2));
  return times[times.size() / 2];
}

int queues_are_short() {
  Scene scene;
  NEED(scene.set_up() == 0);
  NEED(set_rates(*scene.host, "sj0", {.in = kSlow, .out = kSlow}, 1500));
  for (bool incoming : {true, false}) {
    Flow flood;
    NEED(flood.open(scene, incoming, SOCK_STREAM));
    flood.start(65536);
    pid_t reader = fork();
    if (reader == 0) _exit(rate_of(flood, 30) < 0);
    usleep(500'000);  // until it has filled what there is
    double wait = median_round_trip(scene, incoming);
    kill(reader, SIGKILL);
    waitpid(reader, nullptr, 0);
    flood.stop();
    if (wait > 0.2) dprintf(2, "%s: median wait %.3f s\n", incoming ? "in" : "out", wait);
    // 60 ms of packets at the most; without a bound TCP fills seconds of them.
    NEED(wait <= 0.2);
  }
  return 0;
}

// A flow below the rate loses nothing while the rate is changed many times.
int changes_drop_nothing() {
  Scene scene;
  NEED(scene.set_up() == 0);
  for (bool incoming : {true, false}) {
    NEED(set_rates(*scene.host, "sj0", {.in = kFast, .out = kFast}, 1500));
    Flow flow;
    NEED(flow.open(scene, incoming, SOCK_DGRAM));
    constexpr int kDatagrams = 400;
    int got = 0;
    char byte = 'x';
    for (int i = 0; i < kDatagrams; ++i) {
      NEED(send(flow.sender.get(), &byte, 1, 0) == 1);
      uint64_t rate = i % 20 == 10 ? kFast : kSlow;
      if (i % 10 == 0) NEED(set_rates(*scene.host, "sj0", {.in = rate, .out = rate}, 1500));
      while (recv(flow.receiver.get(), &byte, 1, MSG_DONTWAIT) == 1) ++got;
    }
    pollfd waiting{.fd = flow.receiver.get(), .events = POLLIN, .revents = 0};
    while (got < kDatagrams && poll(&waiting, 1, 2000) > 0)
      got += recv(flow.receiver.get(), &byte, 1, 0) == 1;
    NEED(got == kDatagrams);
  }
  // And each change replaces the one filter there is.
  NEED(set_rates(*scene.host, "sj0", {.in = kSlow}, 1500));
  NEED(!scene.host->index_of(rate_interface("sj0")));
  return 0;
}

int status_of(int (*body)()) {
  pid_t pid = fork();
  if (pid == 0) _exit(body());
  int status = 0;
  waitpid(pid, &status, 0);
  return status;
}

}  // namespace

TEST_CASE("10 Mbit/s are met within 5 % in both directions") {
  CHECK(status_of(slow_rates) == 0);
}

// The virtual machine's emulated processor does not move so much.
TEST_CASE("1 Gbit/s are met within 5 % in both directions", "[native]") {
  CHECK(status_of(fast_rates) == 0);
}

TEST_CASE("packets do not wait long behind a rate limit") {
  CHECK(status_of(queues_are_short) == 0);
}

TEST_CASE("changing a rate loses no packet") {
  CHECK(status_of(changes_drop_nothing) == 0);
}
