// Verbs of services that are killed at every few of their system calls: the next verb finds everything as it was before, or
// as it was to be, and nothing is left over.
#include <dirent.h>
#include <sys/ptrace.h>

#include <functional>

#include "netsetup/ports/ports.h"
#include "tests/netsetup/service_scene.h"

using namespace shoji;
using namespace shoji::net;
using namespace shoji::test;

namespace {

// In a child that is killed at the `moment`-th entry into or return from a system call: whether it was, before it ended.
bool killed_at(size_t moment, const std::function<void()>& act) {
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    raise(SIGSTOP);
    act();
    _exit(0);
  }
  int status = 0;
  for (size_t reached = 0; waitpid(pid, &status, 0) == pid && WIFSTOPPED(status); ++reached) {
    if (reached == moment) {
      kill(pid, SIGKILL);
      waitpid(pid, &status, 0);
      return true;
    }
    ptrace(PTRACE_SYSCALL, pid, nullptr, nullptr);
  }
  return false;
}

std::vector<std::string> entries_of(const std::string& directory) {
  std::vector<std::string> out;
  std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(directory.c_str()), closedir);
  while (entries != nullptr) {
    const dirent* entry = readdir(entries.get());
    if (entry == nullptr) break;
    if (entry->d_name[0] != '.') out.emplace_back(entry->d_name);
  }
  std::ranges::sort(out);
  return out;
}

ServiceDefinition site(std::vector<std::string> targets, const char* port) {
  ServiceDefinition out{.name = "www", .port = *parse_service_port(port), .spread = {}, .members = {}};
  for (std::string& target : targets) out.members.push_back({.target = std::move(target)});
  return out;
}

struct Interrupted {
  ServiceScene scene{2};

  // What holds after any verb: no faults, the files and claims of what is defined and no others.
  void check_all() const {
    scene.with_services([&](Services& services) {
      std::vector<ServiceDefinition> defined = *services.list();  // the next verb
      std::vector<ServiceFault> faults = *services.check(false);
      INFO((faults.empty() ? "" : faults[0].what));
      CHECK(faults.empty());
      std::vector<std::string> files, hosts;
      std::vector<PortClaim> claims = *list_ports(scene.store.run);
      REQUIRE(claims.size() == defined.size());
      for (const ServiceDefinition& service : defined) {
        files.push_back(service.name + ".json");
        CHECK(claims[0].port.port == service.port.port);
        for (const ServiceMemberDefinition& member : service.members)
          hosts.push_back(parse_member_target(member.target)->host());
      }
      CHECK(entries_of(scene.store.run + "/services") == files);
      // A name that a killed writer left is overwritten by the next one.
      std::vector<std::string> lasting = entries_of(scene.store.root + "/services");
      std::erase(lasting, "www.json.new");
      CHECK(lasting == files);
      CHECK(entries_of(scene.store.root + "/services/.members") == hosts);
      return 0;
    });
  }

  // Kills `act` at every `step`-th moment, and has `check` look at what is there after the next verb; `before` makes what it
  // starts from.
  void run(size_t step, const std::function<Result<>(Services&)>& before,
           const std::function<Result<>(Services&)>& act, const std::function<void()>& check) const {
    size_t rounds = 0;
    for (size_t moment = 0;; moment += step, ++rounds) {
      REQUIRE(moment < 5000);
      Result<> made = scene.with_services([&](Services& services) { return before(services); });
      INFO("moment " << moment << (made ? "" : made.error().text));
      REQUIRE(made);
      bool was_killed = killed_at(moment, [&] {
        scene.with_services([&](Services& services) {
          ignore(act(services), "what it made is looked at");
          return 0;
        });
      });
      check_all();
      check();
      if (!was_killed) break;
    }
    CHECK(rounds >= 20);
  }
};

Result<> none(Services& services) {
  TRY_ASSIGN(std::vector<ServiceDefinition> all, services.list());
  for (const ServiceDefinition& service : all) TRY(services.remove(service.name));
  return {};
}

}  // namespace

TEST_CASE("a create that is killed leaves a whole service, or none", "[rounds]") {
  Interrupted interrupted;
  size_t whole = 0;
  interrupted.run(
      9, none, [](Services& services) { return services.create(site({"10.7.0.2:80"}, "80")); },
      [&] {
        size_t count =
            interrupted.scene.with_services([](Services& services) { return services.list()->size(); });
        whole += count;
        CHECK(who_answers(interrupted.scene.open()) == (count == 1 ? 'a' : '-'));
      });
  CHECK(whole > 0);
}

TEST_CASE("a change that is killed leaves what was, or what was to be", "[rounds]") {
  Interrupted interrupted;
  const ServiceDefinition was = site({"10.7.0.2:80"}, "80"),
                          will_be = site({"10.7.0.3:80"}, "192.0.2.1:8080");
  size_t changed = 0;
  interrupted.run(
      11,
      [&](Services& services) -> Result<> {
        TRY(none(services));
        return services.create(was);
      },
      [&](Services& services) { return services.replace(will_be); },
      [&] {
        ServiceDefinition now =
            interrupted.scene.with_services([](Services& services) { return *services.find("www"); });
        REQUIRE((now == was || now == will_be));
        changed += now == will_be ? 1 : 0;
        CHECK(who_answers(interrupted.scene.open(ServiceScene::kHost, now.port.port)) ==
              (now == was ? 'a' : 'b'));
        CHECK_FALSE(interrupted.scene.open(ServiceScene::kHost, now == was ? 8080 : 80));
      });
  CHECK(changed > 0);
}

TEST_CASE("a verdict on health that is killed leaves the member up or down, and the connections that it has",
          "[rounds]") {
  Interrupted interrupted;
  REQUIRE(interrupted.scene.with_services(
      [](Services& services) { return services.create(site({"10.7.0.2:80", "10.7.0.3:80"}, "80")); }));
  UniqueFd held[] = {interrupted.scene.open(), interrupted.scene.open()};
  std::string names = {who_answers(held[0]), who_answers(held[1])};
  interrupted.run(
      7,
      [](Services& services) -> Result<> {
        TRY(services.set_health("10.7.0.2", true));
        return {};
      },
      [](Services& services) -> Result<> {
        TRY(services.set_health("10.7.0.2", false));
        return {};
      },
      [&] {
        ServiceState state =
            interrupted.scene.with_services([](Services& services) { return *services.state("www"); });
        CHECK(interrupted.scene.ask(2) == (state.members[0].healthy ? std::map<char, int>{{'a', 1}, {'b', 1}}
                                                                    : std::map<char, int>{{'b', 2}}));
        CHECK(std::string{who_answers(held[0]), who_answers(held[1])} == names);
      });
}

TEST_CASE("a removal that is killed leaves a whole service, or none", "[rounds]") {
  Interrupted interrupted;
  interrupted.run(
      7,
      [](Services& services) -> Result<> {
        TRY(none(services));
        return services.create(site({"10.7.0.2:80"}, "80"));
      },
      [](Services& services) { return services.remove("www"); },
      [&] {
        size_t count =
            interrupted.scene.with_services([](Services& services) { return services.list()->size(); });
        CHECK(who_answers(interrupted.scene.open()) == (count == 1 ? 'a' : '-'));
      });
}
