// Sums of traffic: the arithmetic by itself, and real interfaces in network namespaces that the test makes.
#include "netsetup/usage/usage.h"

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
#include "netsetup/link/requests.h"
#include "netsetup/usage/usage_file.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {

WallTime at(int year, unsigned month, unsigned day, int hour = 0) {
  using namespace std::chrono;
  return sys_days(std::chrono::year(year) / month / day) + hours(hour);
}

Reading reading(int index, uint64_t in, uint64_t out, uint64_t packets = 0) {
  return {.index = index,
          .counters = {.bytes_in = in, .bytes_out = out, .packets_in = packets, .packets_out = packets}};
}

struct Directory {
  std::string path;
  Directory() {
    char name[] = "/tmp/shoji-usage.XXXXXX";
    path = mkdtemp(name);
  }
  ~Directory() { ignore(remove_tree(path), "the test is over"); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  [[nodiscard]] NetworkStore store() const { return {.root = path + "/lib", .run = path + "/run"}; }
};

}  // namespace

TEST_CASE("months begin and end by UTC's calendar") {
  CHECK(month_of(at(2026, 11, 30, 23)) == "2026-11");
  CHECK(end_of_month(at(2026, 11, 30, 23)) == at(2026, 12, 1));
  CHECK(end_of_month(at(2026, 12, 31)) == at(2027, 1, 1));
  CHECK(start_of_month(at(2028, 2, 29, 5)) == at(2028, 2, 1));
}

TEST_CASE("an interface's counter is added once, whatever happens to the interface") {
  UsageFile file;
  WallTime now = at(2026, 11, 23);
  file.sums.month = month_of(now);
  file.saved = now;
  CHECK(add_reading(file, "net", "boot1", reading(5, 100, 10), now, now));
  CHECK_FALSE(add_reading(file, "net", "boot1", reading(5, 100, 10), now, now));
  CHECK(add_reading(file, "net", "boot1", reading(5, 150, 10), now, now));
  // What was read before another verb saved more counts for nothing.
  CHECK_FALSE(add_reading(file, "net", "boot1", reading(5, 120, 10), now, now));
  CHECK(file.sums.total.bytes_in == 150);
  CHECK(file.sums.total.bytes_out == 10);
  // Made anew: its counter begins at nothing, even where it has come further than the old one's.
  CHECK(add_reading(file, "net", "boot1", reading(9, 200, 0), now, now));
  CHECK(file.sums.total.bytes_in == 350);
  // A late look at the one that is gone.
  CHECK_FALSE(add_reading(file, "net", "boot1", reading(5, 150, 10), now, now));
  CHECK(file.sums.total.bytes_in == 350);
  // After a reboot indexes are small again.
  CHECK(add_reading(file, "net", "boot2", reading(5, 1, 0), now, now));
  // Another network of the same partition.
  CHECK(add_reading(file, "other", "boot2", reading(4, 7, 0), now, now));
  CHECK(file.sums.total.bytes_in == 358);
  CHECK(file.sums.month_bytes == 368);
}

TEST_CASE("the month's bytes are those of the kernel's quota, which is over when they reach it") {
  UsageFile file;
  WallTime now = at(2026, 11, 23);
  file.saved = now;
  file.sums.quota.bytes = 2 * 1000;
  add_reading(file, "net", "b", reading(5, 1000, 1013, 1), now, now);  // a frame each way
  CHECK(file.sums.month_bytes == 1999);
  CHECK_FALSE(file.sums.over);
  add_reading(file, "net", "b", reading(5, 1001, 1013, 1), now, now);
  CHECK(file.sums.over);
  CHECK(file.sums.left() == 0);
}

TEST_CASE("what was counted across the turn of the month is shared by time") {
  UsageFile file;
  file.saved = at(2026, 11, 30, 12);
  add_reading(file, "net", "b", reading(5, 0, 0), file.saved, file.saved);
  add_reading(file, "net", "b", reading(5, 4000, 0), {},
              at(2026, 12, 1, 4));  // 12 hours before it, 4 after it
  CHECK(file.sums.month_bytes == 1000);
  CHECK(file.sums.total.bytes_in == 4000);
  // An interface that was made in this month counts for it alone, however old the file is.
  UsageFile old;
  old.saved = at(2026, 10, 1);
  add_reading(old, "net", "b", reading(6, 500, 0), at(2026, 12, 1, 1), at(2026, 12, 1, 4));
  CHECK(old.sums.month_bytes == 500);
}

TEST_CASE("a file of usage is read as it was written; what is wrong with it is said") {
  UsageFile file;
  file.sums.total = {1, 2, 3, 4, 5, 6};
  file.sums.month_bytes = 77;
  file.sums.month = "2026-11";
  file.sums.quota = {.bytes = 1000, .action = OverQuota::kShape, .rate = 125000};
  file.saved = at(2026, 11, 23);
  file.interfaces = {{"farm", "boot", 12, {1, 2, 3, 4, 5, 6}}};
  Result<UsageFile> again = parse_usage_file(print_usage_file(file), "web1.json");
  REQUIRE(again);
  CHECK(print_usage_file(*again) == print_usage_file(file));
  CHECK(again->sums.quota == file.sums.quota);
  CHECK(again->interfaces.size() == 1);
  CHECK(parse_usage_file(R"({"quota": {"bytes": 1, "over": "explode"}})", "u.json").error().text ==
        R"(u.json: /quota/over: expected "block" or "shape", found a string)");
  CHECK(
      parse_usage_file(R"({"monthBytes": -1})", "u.json").error().text.starts_with("u.json: /monthBytes: "));
}

TEST_CASE("quotas are kept, and forgotten with the partition") {
  Directory directory;
  NetworkStore store = directory.store();
  CHECK(read_usage(store, "web1")->quota == TrafficQuota{});
  REQUIRE(set_traffic_quota(store, "web1", {.bytes = 1000}));
  CHECK(read_usage(store, "web1")->quota.bytes == 1000);
  CHECK(set_traffic_quota(store, "web1", {.bytes = 1, .action = OverQuota::kShape}).error().kind ==
        Kind::kInvalid);
  CHECK(set_traffic_quota(store, "../web1", {.bytes = 1}).error().kind == Kind::kInvalid);
  REQUIRE(forget_usage(store, "web1"));
  REQUIRE(forget_usage(store, "web1"));
  CHECK(read_usage(store, "web1")->quota.bytes == 0);
  // One that is not ours keeps nobody from asking, and says so.
  REQUIRE(write_file_atomically(store.root + "/usage/web2.json", "{"));
  CHECK(read_usage(store, "web2").error().kind == Kind::kInvalid);
  // What a loss of power left of a file.
  REQUIRE(write_file_atomically(store.root + "/usage/web1.json", ""));
  CHECK(read_usage(store, "web1")->total.bytes_in == 0);
}

namespace {

#define NEED(...)                                        \
  if (!(__VA_ARGS__)) {                                  \
    dprintf(2, "line %d: %s\n", __LINE__, #__VA_ARGS__); \
    return 1;                                            \
  }

// Datagrams of `size` bytes to the partition; nobody need listen.
bool send_to(const Address& address, size_t count, size_t size) {
  UniqueFd out(socket(AF_INET, SOCK_DGRAM, 0));
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(9);
  inet_pton(AF_INET, address.text().c_str(), &where.sin_addr);
  std::string block(size, 'x');
  for (size_t i = 0; i < count; ++i)
    if (sendto(out.get(), block.data(), size, 0, reinterpret_cast<sockaddr*>(&where), sizeof where) < 0)
      return false;
  return true;
}

Result<Attachment> attach_new(const NetworkStore& store, const Network& network,
                              const std::string& partition) {
  TRY_ASSIGN(HostNetworks networks, HostNetworks::open(store));
  PartitionRequest request{.partition = partition, .netns = {}, .make_netns = true, .networks = {}};
  request.networks.push_back({.partition = {},
                              .network = network.name,
                              .addresses = {},
                              .mac = {},
                              .ports = {},
                              .rules = {},
                              .rates = {}});
  TRY_ASSIGN(std::vector<Attachment> made, networks.attach({request}));
  return made[0];
}

Result<> detach(const NetworkStore& store, const Attachment& attachment) {
  TRY_ASSIGN(HostNetworks networks, HostNetworks::open(store));
  TRY(networks.detach(attachment.partition, attachment.network));
  return networks.remove({attachment.partition});
}

constexpr size_t kDatagrams = 40, kSize = 1000, kOnWire = kSize + 8 + 20 + 14;

// The first datagrams wait for the neighbour's answer, in the kernel.
bool has_received(const NetworkStore& store, RouteSocket& host, const std::string& partition,
                  uint64_t bytes) {
  for (int i = 0; i < 1000; ++i) {
    Result<std::vector<Usage>> usage = collect_usage(store, host, partition);
    if (!usage || usage->size() != 1) return false;
    if ((*usage)[0].total.bytes_in >= bytes) return true;
    usleep(10'000);
  }
  return false;
}

int sums_survive_restarts(const NetworkStore& store) {
  Result<RouteSocket> host = RouteSocket::open();
  Result<Network> network =
      parse_network(R"({"name": "net", "subnets": [{"subnet": "10.7.0.0/24"}]})", "test");
  NEED(host && network && create_network(store, *network));
  uint64_t before = 0;
  for (int round = 0; round < 3; ++round) {
    Result<Attachment> made = attach_new(store, *network, "web1");
    NEED(made && send_to(made->addresses[0].address, kDatagrams, kSize));
    NEED(has_received(store, *host, "web1", before + kDatagrams * kOnWire));
    for (int look = 0; look < 2; ++look) {
      Result<std::vector<Usage>> all = collect_usage(store, *host, "");
      NEED(all && all->size() == 1 && (*all)[0].total.bytes_in - before >= kDatagrams * kOnWire);
      // ARP and neighbour discovery are a few frames more; twice the datagrams would be far beyond them.
      NEED((*all)[0].total.bytes_in - before < kDatagrams * kOnWire * 3 / 2);
    }
    NEED(send_to(made->addresses[0].address, kDatagrams, kSize));
    NEED(save_usage(store, *host, {*made}));
    NEED(detach(store, *made));
    NEED(save_usage(store, *host, {*made}));  // its interface is gone: nothing to add
    Result<Usage> saved = read_usage(store, "web1");
    NEED(saved && saved->total.bytes_in - before >= 2 * kDatagrams * kOnWire);
    NEED(saved->total.bytes_in - before < kDatagrams * kOnWire * 5 / 2);
    NEED(saved->month_bytes >= 2 * kDatagrams * (kSize + 28) * static_cast<size_t>(round + 1));
    before = saved->total.bytes_in;
  }
  return 0;
}

int many_are_one_dump(const NetworkStore& store) {
  Result<RouteSocket> host = RouteSocket::open();
  Result<Network> network =
      parse_network(R"({"name": "net", "subnets": [{"subnet": "10.7.0.0/24"}]})", "test");
  NEED(host && network && create_network(store, *network));
  std::vector<Attachment> all;
  for (int i = 0; i < 20; ++i) {
    Result<Attachment> made = attach_new(store, *network, cat("p", i));
    NEED(made && send_to(made->addresses[0].address, static_cast<size_t>(i) * 2, kSize));
    all.push_back(std::move(*made));
  }
  NEED(save_usage(store, *host, all));
  Result<std::vector<Usage>> usage = collect_usage(store, *host, "");
  NEED(usage && usage->size() == 20);
  for (size_t i = 0; i < all.size(); ++i) NEED(has_received(store, *host, all[i].partition, i * 2 * kOnWire));
  usage = collect_usage(store, *host, "");
  for (const Usage& each : *usage) {
    size_t sent = static_cast<size_t>(atoi(each.partition.c_str() + 1)) * 2 * kOnWire;
    // All hear what each of the others says of itself to everybody (RFC 3810, RFC 4861).
    NEED(each.total.bytes_in >= sent && each.total.bytes_in < sent + 12 * kOnWire);
  }
  return 0;
}

int status_of(int (*body)(const NetworkStore&)) {
  Directory directory;
  pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      _exit(99);
    _exit(body(directory.store()));
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return status;
}

}  // namespace

namespace {

// More datagrams than the limit's queue holds: what arrives and what was dropped are all there were.
int drops_of_limits_are_counted(const NetworkStore& store) {
  Result<RouteSocket> host = RouteSocket::open();
  Result<Network> network =
      parse_network(R"({"name": "net", "subnets": [{"subnet": "10.7.0.0/24"}]})", "test");
  NEED(host && network && create_network(store, *network));
  Result<Attachment> made = attach_new(store, *network, "web1");
  NEED(made && send_to(made->addresses[0].address, 1, kSize));
  NEED(has_received(store, *host, "web1", kOnWire));
  // The record is written with the rates by whoever attaches with them.
  made->rates = {.in = 10'000, .out = 10'000};
  NEED(set_rates(*host, made->host_interface, made->rates, 1500) && write_record(store, *made));
  constexpr uint64_t kMany = 60;
  NEED(send_to(made->addresses[0].address, kMany, kSize));
  Result<std::vector<Usage>> usage = collect_usage(store, *host, "web1");
  NEED(usage && (*usage)[0].total.dropped_in > kMany / 2 && (*usage)[0].total.dropped_in < kMany + 5);
  uint64_t before = (*usage)[0].total.dropped_in;
  usage = collect_usage(store, *host, "web1");
  NEED(usage && (*usage)[0].total.dropped_in < before + 5);
  // A broken file is put aside, and the interface can go.
  NEED(write_file_atomically(store.root + "/usage/web1.json", "{"));
  NEED(save_usage(store, *host, {*made}));
  NEED(access((store.root + "/usage/web1.json.broken").c_str(), F_OK) == 0);
  NEED(read_usage(store, "web1")->total.packets_in > 0);
  return 0;
}

}  // namespace

TEST_CASE("what a rate limit throws away is counted") {
  CHECK(status_of(drops_of_limits_are_counted) == 0);
}

TEST_CASE("traffic is counted once, across looks and restarts of the partition") {
  CHECK(status_of(sums_survive_restarts) == 0);
}

TEST_CASE("the traffic of many partitions is counted for each") {
  CHECK(status_of(many_are_one_dump) == 0);
}
