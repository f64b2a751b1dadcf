// Virtual services with real connections: what changes, and what must not.
#include "netsetup/service/service_store.h"

#include <fcntl.h>

#include <chrono>

#include "netsetup/firewall/slots.h"
#include "netsetup/ports/ports.h"
#include "tests/netsetup/service_scene.h"

using namespace shoji;
using namespace shoji::net;
using namespace shoji::test;
using std::chrono::milliseconds;

namespace {

using Answers = std::map<char, int>;

void need(const Result<>& result) {
  INFO((result ? "" : result.error().text));
  REQUIRE(result);
}
template <typename T>
T need(Result<T> result) {
  INFO((result ? "" : result.error().text));
  REQUIRE(result);
  return std::move(*result);
}

ServiceDefinition service_of(std::vector<std::string> targets, Spread spread = Spread::kRoundRobin) {
  ServiceDefinition out{.name = "www", .port = *parse_service_port("80"), .spread = spread, .members = {}};
  for (std::string& target : targets) out.members.push_back({.target = std::move(target)});
  return out;
}

std::vector<std::string> faults_of(const ServiceScene& scene) {
  return scene.with_services([](Services& services) {
    std::vector<std::string> out;
    for (const ServiceFault& fault : need(services.check(false))) out.push_back(fault.what);
    return out;
  });
}

void drain(const ServiceScene& scene, const std::string& target, size_t left, milliseconds wait) {
  std::vector<std::string> targets = {target};
  CHECK(scene.with_services(
            [&](Services& services) { return need(services.drain_members("www", targets, wait)); }) == left);
}
void add(const ServiceScene& scene, const ServiceMemberDefinition& member) {
  std::vector<ServiceMemberDefinition> members = {member};
  need(scene.with_services([&](Services& services) { return services.add_members("www", members); }));
}

}  // namespace

TEST_CASE("connections are spread evenly, by weight, and by the client's address") {
  ServiceScene scene(3);
  ServiceDefinition service = service_of({"10.7.0.2:80", "10.7.0.3:80", "10.7.0.4:80"});
  need(scene.with_services([&](Services& services) { return services.create(service); }));
  CHECK(scene.ask(9) == Answers{{'a', 3}, {'b', 3}, {'c', 3}});
  std::vector<ServiceMemberDefinition> weights = {{.target = "10.7.0.2:80", .weight = 4}};
  need(scene.with_services([&](Services& services) { return services.set_weights("www", weights); }));
  CHECK(scene.ask(12) == Answers{{'a', 8}, {'b', 2}, {'c', 2}});
  // After members went and came, too, neighbours in the row are different members.
  drain(scene, "10.7.0.4:80", 0, milliseconds(0));
  add(scene, {.target = "10.7.0.4:80"});
  CHECK(scene.ask(12) == Answers{{'a', 8}, {'b', 2}, {'c', 2}});
  service.spread = Spread::kSourceHash;
  need(scene.with_services([&](Services& services) { return services.replace(service); }));
  CHECK(scene.ask(6).size() == 1);
  CHECK(faults_of(scene).empty());
}

TEST_CASE("established connections stay through every change of their service") {
  ServiceScene scene(3);
  ServiceDefinition service = service_of({"10.7.0.2:80", "10.7.0.3:80"});
  need(scene.with_services([&](Services& services) { return services.create(service); }));
  std::vector<UniqueFd> held;
  std::string names;
  for (int i = 0; i < 6; ++i) {
    held.push_back(scene.open());
    names += who_answers(held.back());
  }
  auto all_answer = [&] {
    std::string now;
    for (const UniqueFd& connection : held) now += who_answers(connection);
    return now == names;
  };
  CHECK(std::ranges::count(names, 'a') == 3);
  CHECK(all_answer());
  drain(scene, "10.7.0.2:80", 3, milliseconds(0));
  CHECK(scene.ask(4) == Answers{{'b', 4}});
  CHECK(all_answer());
  add(scene, {.target = "10.7.0.4:80", .weight = 3});
  CHECK(scene.ask(4) == Answers{{'b', 1}, {'c', 3}});
  need(scene.with_services([&](Services& services) -> Result<> {
    TRY_ASSIGN(size_t found, services.set_health("10.7.0.3", false));
    CHECK(found == 1);
    return {};
  }));
  CHECK(scene.ask(4) == Answers{{'c', 4}});
  CHECK(all_answer());
  service.spread = Spread::kSourceHash;
  service.port = *parse_service_port("8080");
  need(scene.with_services([&](Services& services) { return services.replace(service); }));
  CHECK_FALSE(scene.open());
  CHECK(scene.ask(1, ServiceScene::kHost, 8080).contains('a'));
  CHECK(all_answer());
  need(scene.with_services([](Services& services) { return services.remove("www"); }));
  CHECK_FALSE(scene.open(ServiceScene::kHost, 8080));
  CHECK(all_answer());
}

TEST_CASE("a drain waits until the last connection is closed, or until its time is over") {
  ServiceScene scene(2);
  need(scene.with_services(
      [](Services& services) { return services.create(service_of({"10.7.0.2:80", "10.7.0.3:80"})); }));
  UniqueFd one = scene.open(), other = scene.open();
  char first = who_answers(one);
  CHECK(who_answers(other) != first);
  std::string target = first == 'a' ? "10.7.0.2:80" : "10.7.0.3:80";
  drain(scene, target, 1, milliseconds(60));
  CHECK(who_answers(one) == first);
  pid_t closer = fork();
  if (closer == 0) {  // closes the last copy of the connection while the drain waits
    usleep(100'000);
    shutdown(one.get(), SHUT_RDWR);
    _exit(0);
  }
  auto begin = std::chrono::steady_clock::now();
  drain(scene, target, 0, milliseconds(10'000));
  auto took = std::chrono::steady_clock::now() - begin;
  waitpid(closer, nullptr, 0);
  CHECK(took >= milliseconds(90));
  CHECK(took < milliseconds(5'000));
  // What has no connections needs no wait.
  other.reset();
}

TEST_CASE("nobody left refuses at once, and who comes back serves") {
  ServiceScene scene(1);
  need(scene.with_services([](Services& services) { return services.create(service_of({"10.7.0.2:80"})); }));
  CHECK(scene.ask(2) == Answers{{'a', 2}});
  for (bool healthy : {false, true, false, true}) {
    need(scene.with_services([&](Services& services) -> Result<> {
      TRY(services.set_health("10.7.0.2:80", healthy));
      return {};
    }));
    auto begin = std::chrono::steady_clock::now();
    CHECK(who_answers(scene.open()) == (healthy ? 'a' : '-'));
    CHECK(std::chrono::steady_clock::now() - begin < milliseconds(500));
  }
}

TEST_CASE("partitions come to a service and leave it with their attachments, in both families") {
  ServiceScene scene(3);
  ServiceDefinition service = service_of({"p0:80", "p1:80", "p2:80"});
  need(scene.with_services([&](Services& services) { return services.create(service); }));
  CHECK_FALSE(scene.open());
  auto changed = [&](const std::vector<std::string>& names, bool leaving) {
    need(
        scene.with_services([&](Services& services) { return services.partitions_changed(names, leaving); }));
  };
  scene.record(0, true, false);
  scene.record(1, true, true);
  scene.record(2, false, true);
  changed({"p0", "p1", "p2", "stranger"}, false);
  CHECK(scene.ask(4) == Answers{{'a', 2}, {'b', 2}});
  CHECK(scene.ask(4, ServiceScene::kHost6) == Answers{{'b', 2}, {'c', 2}});
  changed({"p1"}, true);  // its record is there still
  CHECK(scene.ask(2) == Answers{{'a', 2}});
  CHECK(scene.ask(2, ServiceScene::kHost6) == Answers{{'c', 2}});
  scene.forget(1);
  changed({"p1"}, false);
  CHECK(scene.ask(2) == Answers{{'a', 2}});
  scene.record(1, true, true);
  CHECK(faults_of(scene) ==
        std::vector<std::string>{"60 of its 120 IPv4 slots do not lead where its definition says"});
  need(scene.with_services([](Services& services) { return services.refresh(); }));
  CHECK(scene.ask(4) == Answers{{'a', 2}, {'b', 2}});
  ServiceState state = scene.with_services([](Services& services) { return need(services.state("www")); });
  REQUIRE(state.members.size() == 3);
  CHECK(state.members[1].addresses.size() == 2);
  CHECK(state.members[1].slots == kSlots / 2);
}

TEST_CASE("a port that is taken is told with who has it, and nothing of the service stays") {
  ServiceScene scene(1);
  need(scene.with_services([](Services& services) { return services.create(service_of({"10.7.0.2:80"})); }));
  ServiceDefinition other = service_of({"10.7.0.2:80"});
  other.name = "other";
  Result<> made = scene.with_services([&](Services& services) { return services.create(other); });
  REQUIRE_FALSE(made);
  CHECK(made.error().kind == Kind::kExists);
  CHECK(made.error().text.contains("service \"www\""));
  CHECK(scene.with_services([](Services& services) { return need(services.list()).size(); }) == 1);
  other.port.port = 81;
  need(scene.with_services([&](Services& services) { return services.create(other); }));
  other.port.port = 80;
  made = scene.with_services([&](Services& services) { return services.replace(other); });
  REQUIRE_FALSE(made);
  CHECK(scene.ask(1) == Answers{{'a', 1}});
  CHECK(scene.ask(1, ServiceScene::kHost, 81) == Answers{{'a', 1}});  // as it was
  CHECK(need(list_ports(scene.store.run)).size() == 2);
  CHECK(faults_of(scene).empty());
  for (const char* name : {"www", "other"})
    need(scene.with_services([&](Services& services) { return services.remove(name); }));
  CHECK(need(list_ports(scene.store.run)).empty());
}

TEST_CASE("the next change, or a repair, brings back what a flush or a reboot took") {
  ServiceScene scene(2);
  need(scene.with_services(
      [](Services& services) { return services.create(service_of({"10.7.0.2:80", "10.7.0.3:80"})); }));
  auto flush = [&] {
    inside(scene.host.get(), [] {
      need(Firewall::open()->remove_tables());
      return 0;
    });
  };
  flush();
  CHECK(faults_of(scene) == std::vector<std::string>{"its IPv4 rules are not in the kernel, or not whole"});
  need(scene.with_services([](Services& services) { return services.refresh(); }));
  CHECK(scene.ask(2) == Answers{{'a', 1}, {'b', 1}});
  flush();
  drain(scene, "10.7.0.2:80", 0, milliseconds(0));
  CHECK(scene.ask(2) == Answers{{'b', 2}});
  // A reboot: neither tables nor anything below RUN, and any verb of services will do.
  flush();
  REQUIRE(remove_tree(scene.store.run));
  CHECK(scene.with_services([](Services& services) { return need(services.list()).size(); }) == 1);
  CHECK(scene.ask(2) == Answers{{'b', 2}});
  CHECK(faults_of(scene).empty());
}

TEST_CASE("UDP is spread too, and a flow stays with its member") {
  ServiceScene scene(2);
  std::vector<pid_t> servers;
  for (int i = 0; i < 2; ++i)
    servers.push_back(
        echo_datagrams(scene.members[static_cast<size_t>(i)].get(), 53, static_cast<char>('a' + i)));
  ServiceDefinition service = service_of({"10.7.0.2:53", "10.7.0.3:53"});
  service.port = *parse_service_port("53/udp");
  need(scene.with_services([&](Services& services) { return services.create(service); }));
  UniqueFd flows[] = {scene.flow(53), scene.flow(53)};
  std::string names = {who_answers(flows[0]), who_answers(flows[1])};
  CHECK((names == "ab" || names == "ba"));
  std::vector<std::string> targets = {"10.7.0.2:53"};
  size_t left = scene.with_services(
      [&](Services& services) { return need(services.drain_members("www", targets, milliseconds(0))); });
  CHECK(left == 1);
  CHECK(std::string{who_answers(flows[0]), who_answers(flows[1])} == names);
  for (int i = 0; i < 3; ++i) CHECK(who_answers(scene.flow(53)) == 'b');
  for (pid_t pid : servers) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
}

TEST_CASE("changes at the same time are all made") {
  ServiceScene scene(2);
  need(scene.with_services([](Services& services) { return services.create(service_of({"10.7.0.2:80"})); }));
  std::vector<pid_t> changers;
  for (int i = 0; i < 12; ++i) {
    pid_t pid = fork();
    if (pid == 0) {
      bool done = scene.with_services([&](Services& services) {
        std::vector<ServiceMemberDefinition> member = {{.target = cat("10.7.0.3:", 80 + i)}};
        return services.add_members("www", member) && services.set_health("10.7.0.2:80", i % 2 == 0);
      });
      _exit(done ? 0 : 1);
    }
    changers.push_back(pid);
  }
  for (pid_t pid : changers) {
    int status = 0;
    waitpid(pid, &status, 0);
    CHECK(status == 0);
  }
  CHECK(faults_of(scene).empty());
  ServiceState state = scene.with_services([](Services& services) { return need(services.state("www")); });
  CHECK(state.members.size() == 13);
  size_t slots = 0;
  for (const ServiceMemberState& member : state.members) slots += member.slots;
  CHECK(slots == kSlots);
}
