// In network namespaces that the test makes.
#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "netsetup/link/requests.h"
#include "tests/catch.h"
#include "tests/netsetup/namespaces.h"

using namespace shoji;
using namespace shoji::net;
using shoji::test::new_network;

namespace {

// Runs `body` in a child with a network namespace of its own; its return value is the exit status.
int in_own_network(int (*body)()) {
  pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWNET) != 0) _exit(99);
    _exit(body());
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

// Whether a connection from here to `address`, where somebody listens in `netns`, comes about.
bool reaches(int netns, const char* address) {
  UniqueFd home = *open_file("/proc/thread-self/ns/net", O_RDONLY);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* target = nullptr;
  if (getaddrinfo(address, "80", &hints, &target) != 0) return false;
  setns(netns, CLONE_NEWNET);
  UniqueFd server(socket(target->ai_family, SOCK_STREAM, 0));
  bool listens = bind(server.get(), target->ai_addr, target->ai_addrlen) == 0 && listen(server.get(), 1) == 0;
  setns(home.get(), CLONE_NEWNET);
  UniqueFd client(socket(target->ai_family, SOCK_STREAM, 0));
  timeval patience{.tv_sec = 5, .tv_usec = 0};
  setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  bool connected = connect(client.get(), target->ai_addr, target->ai_addrlen) == 0;
  freeaddrinfo(target);
  return listens && connected;
}

// The number of the line that goes wrong is what is seen of it outside.
#define NEED(...) \
  if (!(__VA_ARGS__)) return __LINE__ % 200 + 1

int attach_and_ping() {
  UniqueFd inside = new_network();
  Result<RouteSocket> host = RouteSocket::open();
  NEED(host);
  Batch bridge;
  add_bridge(bridge, "br0", {.mac = *Mac::parse("02:5a:00:00:00:01"), .mtu = 1400});
  NEED(bridge.send(*host));
  Result<int> index = host->index_of("br0");
  NEED(index);
  Batch near;
  add_address(near, *index, *Prefix::parse("10.7.0.1/24"));
  add_address(near, *index, *Prefix::parse("fd07::1/64"));
  add_veth(near, {.name = "v1", .mac = {}},
           {.name = "eth0", .mac = *Mac::parse("02:5a:0a:07:00:02"), .index = 2, .netns = inside.get()},
           {.mtu = 1400, .master = *index});
  NEED(near.send(*host));
  Result<RouteSocket> there = RouteSocket::open_in(inside.get());
  NEED(there);
  Batch far;
  change_link(far, kLoopbackIndex, {.up = true, .mac = {}, .mtu = {}, .master = {}, .name = {}},
              "bring up lo");
  change_link(far, 2, {.up = true, .mac = {}, .mtu = {}, .master = {}, .name = {}}, "bring up eth0");
  add_address(far, 2, *Prefix::parse("10.7.0.2/24"));
  add_address(far, 2, *Prefix::parse("fd07::2/64"));
  add_route(far, 2, {.destination = *Prefix::parse("0.0.0.0/0"), .gateway = *Address::parse("10.7.0.1")});
  NEED(far.send(*there));
  NEED(there->index_of("eth0") == 2);
  NEED(*read_file("/sys/class/net/lo/ifindex") == "1\n");  // we are still at home
  NEED(reaches(inside.get(), "10.7.0.2"));
  NEED(reaches(inside.get(), "fd07::2"));

  Batch gone;
  remove_link(gone, "v1");
  remove_link(gone, "v1");
  NEED(gone.send(*host));
  NEED(host->index_of("v1").error().kind == Kind::kSystem);
  NEED(there->index_of("eth0").error().err == ENODEV);
  return 0;
}

int first_failure_is_told() {
  Result<RouteSocket> host = RouteSocket::open();
  NEED(host);
  Batch batch;
  add_bridge(batch, "br0", {.mac = {}});
  add_bridge(batch, "br0", {.mac = {}});
  add_address(batch, 4711, *Prefix::parse("10.7.0.1/24"));
  Result<> sent = batch.send(*host);
  NEED(!sent && sent.error().kind == Kind::kExists);
  NEED(sent.error().text == "make bridge \"br0\": File exists");
  NEED(batch.empty());
  NEED(host->index_of("br0"));
  Batch mtu;
  change_link(mtu, kLoopbackIndex, {.up = {}, .mac = {}, .mtu = 7, .master = 4711, .name = {}}, "change lo");
  NEED(!mtu.send(*host));
  return 0;
}

}  // namespace

TEST_CASE("a bridge with a veth carries packets of both families") {
  CHECK(in_own_network(attach_and_ping) == 0);
}

TEST_CASE("of a batch the first failure is told, and later requests are made") {
  CHECK(in_own_network(first_failure_is_told) == 0);
}

TEST_CASE("interface names") {
  CHECK(check_interface_name("eth0"));
  for (std::string_view bad : {"", "sixteencharacter", ".", "..", "a/b", "a b", "a:b", "eth%d", "a\x01"})
    CHECK(check_interface_name(bad).error().kind == Kind::kInvalid);
}
