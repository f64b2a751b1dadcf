#include "netsetup/choice/choice.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/io.h"
#include "netsetup/netns/netns.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {

#define NEED(...)                                        \
  if (!(__VA_ARGS__)) {                                  \
    dprintf(2, "line %d: %s\n", __LINE__, #__VA_ARGS__); \
    return 1;                                            \
  }

uint64_t inode(int fd) {
  struct stat facts{};
  fstat(fd, &facts);
  return facts.st_ino;
}

// The inode of what `partition` gets for `choice`; 0 when it gets nothing.
uint64_t pinned(const std::string& directory, const std::string& partition, std::string_view choice) {
  NetworkChoice parsed = *parse_choice(choice);
  Result<UniqueFd> made = pin_choice(directory, partition, {&parsed, 1});
  Result<UniqueFd> found = open_netns(directory, partition);
  return made && found && inode(made->get()) == inode(found->get()) ? inode(made->get()) : 0;
}

int pin_all_kinds(const std::string& directory) {
  uint64_t host = inode(open_file("/proc/self/ns/net", O_RDONLY)->get());
  uint64_t own = pinned(directory, "db", "none");
  NEED(own != 0 && own != host);
  NEED(pinned(directory, "db", "farm") == own);
  NEED(pinned(directory, "web", "share:db") == own);
  NEED(pinned(directory, "web", "share:db") == own);
  NEED(pinned(directory, "third", "share:web") == own);
  NEED(pinned(directory, "web", "host") == host);
  uint64_t web = pinned(directory, "web", "none");
  NEED(web != 0 && web != host && web != own);
  NEED(pinned(directory, "web", "share:db") == own);
  NetworkChoice gone{.kind = ChoiceKind::kShare, .name = "nobody"};
  Result<UniqueFd> refused = pin_choice(directory, "web", {&gone, 1});
  NEED(!refused && refused.error().kind == Kind::kNotFound);
  NEED(refused.error().text == R"(network "share:nobody": partition "nobody" has no network namespace now)");
  // A file that a kill left without a mount is no obstacle.
  NEED(open_file(directory + "/half", O_CREAT | O_WRONLY, 0444));
  NEED(pinned(directory, "half", "none") != 0);
  for (const char* name : {"db", "web", "third", "half"}) NEED(remove_netns(directory, name));
  NEED(list_netns(directory)->empty());
  return 0;
}

}  // namespace

TEST_CASE("network words are read and printed") {
  for (const char* text : {"host", "none", "share:web1", "cni:podman", "farm", "cni:A_b.c-1"}) {
    INFO(text);
    Result<NetworkChoice> choice = parse_choice(text);
    REQUIRE(choice);
    CHECK(print_choice(*choice) == text);
  }
  CHECK(parse_choice("share:web1")->name == "web1");
  CHECK_FALSE(parse_choice("host")->own_namespace());
  CHECK_FALSE(parse_choice("share:x")->own_namespace());
  CHECK(parse_choice("cni:x")->own_namespace());
  CHECK(parse_choice("cni:x")->attaches());
  CHECK_FALSE(parse_choice("none")->attaches());
  for (const char* text : {"", "share", "share:", "share:a/b", "share:..", "cni", "cni:", "cni:../x",
                           "cni:-a", "bridge:x", "Farm", "/etc"}) {
    INFO(text);
    REQUIRE_FALSE(parse_choice(text));
    CHECK(parse_choice(text).error().kind == Kind::kInvalid);
  }
  CHECK(parse_choice("container:x").error().text ==
        R"("container:x" is none of host, none, share:PARTITION, cni:NAME and a network's name)");
}

TEST_CASE("network words that stand alone do so") {
  auto check = [](std::initializer_list<const char*> words) -> std::string {
    std::vector<NetworkChoice> choices;
    for (const char* word : words) choices.push_back(*parse_choice(word));
    Result<> checked = check_choices("web", choices);
    return checked ? "" : checked.error().text;
  };
  CHECK(check({}).empty());
  CHECK(check({"host"}).empty());
  CHECK(check({"farm", "back", "cni:podman"}).empty());
  CHECK(check({"farm", "none"}) == R"(network "none" stands alone, not beside "farm")");
  CHECK(check({"host", "farm"}) == R"(network "host" stands alone, not beside "farm")");
  CHECK(check({"share:web"}) == R"(partition "web" cannot share its own network)");
  CHECK(check({"farm", "farm"}) == R"(network "farm" is named twice)");
}

TEST_CASE("every network word pins a namespace") {
  char name[] = "/tmp/shoji-choice.XXXXXX";
  std::string directory = mkdtemp(name);
  pid_t pid = fork();
  if (pid == 0) {
    // A mount namespace of its own, so that nothing is left however it ends.
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      _exit(99);
    _exit(pin_all_kinds(directory + "/netns"));
  }
  int status = 0;
  waitpid(pid, &status, 0);
  CHECK(status == 0);
  ignore(remove_tree(directory), "the test is over");
}
