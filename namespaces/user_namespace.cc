#include "namespaces/user_namespace.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"

namespace shoji {
namespace {

// A process that does nothing but keep a user namespace alive while the parent looks at it. It never outlives
// this object, nor the parent (PR_SET_PDEATHSIG).
class Helper {
 public:
  Helper() = default;
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;
  ~Helper() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) {
    }
  }

  // `join` is a user namespace to enter, -1: a new one.
  Result<> start(int join);
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  [[noreturn]] static void run_in_helper(int join, int ready);
  pid_t pid_ = -1;
};

// Only system calls here: the child of a clone shares nothing that a lock or an allocation would need.
void Helper::run_in_helper(int join, int ready) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  char answer = 0;
  if (join >= 0 && setns(join, CLONE_NEWUSER) != 0) answer = static_cast<char>(errno);
  // Entering a user namespace clears the death signal (prctl(2)).
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (write(ready, &answer, 1) != 1) _exit(1);
  while (true) pause();
}

Result<> Helper::start(int join) {
  int pipe_fds[2];
  if (pipe2(pipe_fds, O_CLOEXEC) != 0) return fail_errno(errno, "create a pipe");
  UniqueFd reader(pipe_fds[0]);
  UniqueFd writer(pipe_fds[1]);
  clone_args args{};
  args.flags = join < 0 ? CLONE_NEWUSER : 0;
  args.exit_signal = 0;  // no SIGCHLD: the caller's signal handling must not notice
  long pid = syscall(SYS_clone3, &args, sizeof args);
  if (pid == 0) run_in_helper(join, writer.get());
  if (pid < 0) return fail_errno(errno, "create a user namespace");
  pid_ = static_cast<pid_t>(pid);
  writer.reset();
  char answer = 0;
  ssize_t n = 0;
  do {
    n = read(reader.get(), &answer, 1);
  } while (n < 0 && errno == EINTR);
  if (n != 1) return fail(Kind::kSystem, "the helper of the user namespace died");
  if (answer != 0) return fail_errno(answer, "join the user namespace");
  return {};
}

}  // namespace

Result<UniqueFd> make_user_namespace(const IdMaps& maps) {
  Helper helper;
  TRY(helper.start(-1));
  TRY_ASSIGN(UniqueFd proc, open_file("/proc", O_PATH | O_DIRECTORY));
  TRY(write_id_maps(proc.get(), helper.pid(), maps, false));
  return open_at(proc.get(), cat(helper.pid(), "/ns/user"), O_RDONLY);
}

Result<IdMaps> read_user_namespace(int user_namespace) {
  Helper helper;
  TRY(helper.start(user_namespace));
  IdMaps maps;
  TRY_ASSIGN(std::string uid, read_file(cat("/proc/", helper.pid(), "/uid_map")));
  TRY_ASSIGN(maps.uid, parse_id_map(uid));
  TRY_ASSIGN(std::string gid, read_file(cat("/proc/", helper.pid(), "/gid_map")));
  TRY_ASSIGN(maps.gid, parse_id_map(gid));
  return maps;
}

Result<int> UserNamespaceCache::get(const IdMaps& maps) {
  for (const auto& entry : entries_)
    if (equal_maps(entry.maps.uid, maps.uid) && equal_maps(entry.maps.gid, maps.gid)) return entry.fd.get();
  TRY_ASSIGN(UniqueFd fd, make_user_namespace(maps));
  entries_.push_back({maps, std::move(fd)});
  return entries_.back().fd.get();
}

}  // namespace shoji
