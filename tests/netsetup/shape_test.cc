// In network namespaces that the test makes. A limit is seen by what cannot arrive earlier; nothing fails on slowness.
#include "netsetup/shape/shape.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "base/io.h"
#include "netsetup/link/requests.h"
#include "netsetup/netns/netns.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {

#define NEED(...) \
  if (!(__VA_ARGS__)) return __LINE__ % 200 + 1

sockaddr_in at(const char* address) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(9);
  inet_pton(AF_INET, address, &out.sin_addr);
  return out;
}

// Milliseconds until `bytes` have gone from one namespace to `address` in the other over TCP; -1: not at all.
int64_t milliseconds_for(int from, int to, const char* address, size_t bytes) {
  UniqueFd home = *open_file("/proc/thread-self/ns/net", O_RDONLY);
  sockaddr_in where = at(address);
  setns(to, CLONE_NEWNET);
  UniqueFd server(socket(AF_INET, SOCK_STREAM, 0));
  int one = 1;
  setsockopt(server.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  bool listens = bind(server.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0 &&
                 listen(server.get(), 1) == 0;
  setns(from, CLONE_NEWNET);
  UniqueFd client(socket(AF_INET, SOCK_STREAM, 0));
  setns(home.get(), CLONE_NEWNET);
  if (!listens || connect(client.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) return -1;
  UniqueFd accepted(accept(server.get(), nullptr, nullptr));
  pid_t pid = fork();
  if (pid == 0) {
    std::string block(bytes, 'x');
    _exit(write_all(client.get(), block, "socket") ? 0 : 1);
  }
  auto begin = std::chrono::steady_clock::now();
  char buffer[65536];
  size_t got = 0;
  while (got < bytes) {
    ssize_t n = read(accepted.get(), buffer, sizeof buffer);
    if (n <= 0) break;
    got += static_cast<size_t>(n);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (got < bytes || status != 0) return -1;
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin)
      .count();
}

int limits_hold_both_ways() {
  NEED(unshare(CLONE_NEWNS | CLONE_NEWNET) == 0);
  UniqueFd here = *open_file("/proc/thread-self/ns/net", O_RDONLY);
  NEED(unshare(CLONE_NEWNET) == 0);
  UniqueFd there = *open_file("/proc/thread-self/ns/net", O_RDONLY);
  NEED(setns(here.get(), CLONE_NEWNET) == 0);
  Result<RouteSocket> host = RouteSocket::open();
  Result<RouteSocket> guest = RouteSocket::open_in(there.get());
  NEED(host && guest);
  Batch batch;
  add_veth(batch, {.name = "sj0a070002", .mac = {}},
           {.name = "eth0", .mac = {}, .index = 2, .netns = there.get()}, {});
  NEED(batch.send(*host));
  add_address(batch, *host->index_of("sj0a070002"), *Prefix::parse("10.7.0.1/24"));
  NEED(batch.send(*host));
  change_link(batch, 2, {.up = true, .mac = {}, .mtu = {}, .master = {}, .name = {}}, "bring up eth0");
  add_address(batch, 2, *Prefix::parse("10.7.0.2/24"));
  NEED(batch.send(*guest));

  // 1 MB/s in, 2 MB/s out; a megabyte less the burst takes 900 ms and 450 ms at the least.
  NEED(set_rates(*host, "sj0a070002", {.in = 1'000'000, .out = 2'000'000}, 1500));
  NEED(set_rates(*host, "sj0a070002", {.in = 1'000'000, .out = 2'000'000}, 1500));  // again, in its place
  int64_t in = milliseconds_for(here.get(), there.get(), "10.7.0.2", 1'000'000);
  int64_t out = milliseconds_for(there.get(), here.get(), "10.7.0.1", 1'000'000);
  NEED(in >= 800);
  NEED(out >= 400);
  Result<Counters> counters = read_counters(*host, "sj0a070002");
  NEED(counters && counters->bytes_in > 1'000'000 && counters->bytes_out > 1'000'000 &&
       counters->packets_in > 100);

  NEED(set_rates(*host, "sj0a070002", {}, 1500));
  NEED(host->index_of("sj0a070002i").error().err == ENODEV);
  NEED(set_rates(*host, "sj0a070002", {.out = 1'000'000}, 1500));
  NEED(host->index_of("sj0a070002i"));
  NEED(remove_rates(*host, "sj0a070002"));
  NEED(remove_rates(*host, "sj0a070002"));
  NEED(remove_rates(*host, "gone"));
  NEED(set_rates(*host, "gone", {.in = 1}, 1500).error().err == ENODEV);
  return 0;
}

}  // namespace

TEST_CASE("rate limits hold in both directions, are changed and go") {
  pid_t pid = fork();
  if (pid == 0) _exit(limits_hold_both_ways());
  int status = 0;
  waitpid(pid, &status, 0);
  CHECK(status == 0);
}
