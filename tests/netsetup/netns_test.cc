#include "netsetup/netns/netns.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/io.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {

#define NEED(...) \
  if (!(__VA_ARGS__)) return __LINE__ % 200 + 1

uint64_t inode(int fd) {
  struct stat facts{};
  fstat(fd, &facts);
  return facts.st_ino;
}

int make_find_remove(const std::string& directory) {
  Result<UniqueFd> made = make_netns(directory, "web");
  NEED(made);
  NEED(make_netns(directory, "web").error().kind == Kind::kExists);
  Result<UniqueFd> found = open_netns(directory, "web");
  NEED(found && inode(found->get()) == inode(made->get()));
  Result<UniqueFd> home = open_file("/proc/self/ns/net", O_RDONLY);
  NEED(home && inode(home->get()) != inode(made->get()));
  NEED(setns(made->get(), CLONE_NEWNET) == 0);
  NEED(*read_file("/proc/net/if_inet6") == "00000000000000000000000000000001 01 80 10 80       lo\n");
  NEED(setns(home->get(), CLONE_NEWNET) == 0);
  NEED(list_netns(directory)->size() == 1);
  NEED(remove_netns(directory, "web"));
  NEED(remove_netns(directory, "web"));
  NEED(open_netns(directory, "web").error().kind == Kind::kNotFound);
  // What a kill in the middle leaves is found, is no namespace, and goes.
  NEED(open_file(directory + "/half", O_CREAT | O_WRONLY, 0444));
  NEED(open_netns(directory, "half").error().kind == Kind::kNotFound);
  NEED(list_netns(directory)->size() == 1);
  NEED(remove_netns(directory, "half"));
  NEED(list_netns(directory)->empty());
  return 0;
}

}  // namespace

TEST_CASE("network namespaces are pinned, found again and removed") {
  char name[] = "/tmp/shoji-netns.XXXXXX";
  std::string directory = mkdtemp(name);
  pid_t pid = fork();
  if (pid == 0) {
    // A mount namespace of its own, so that nothing is left however it ends.
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      _exit(99);
    _exit(make_find_remove(directory + "/netns"));
  }
  int status = 0;
  waitpid(pid, &status, 0);
  CHECK(status == 0);
  ignore(remove_tree(directory), "the test is over");
}
