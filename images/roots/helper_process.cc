#include "images/roots/helper_process.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/io.h"

namespace shoji::images {
namespace {

constexpr size_t kStackSize = 256 << 10;

// A child that has not been waited for. It has no exit signal, so that a SIGCHLD handler does not notice it.
class Helper {
 public:
  Helper() = default;
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;
  ~Helper() {
    if (pid_ <= 0) return;
    while (waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) {
    }
  }
  // Returns when the child has ended, or nearly: CLONE_VFORK waits for the release of the memory.
  Result<> run(int (*body)(void*), void* argument, int flags, const char* what) {
    stack_ = std::make_unique_for_overwrite<char[]>(kStackSize);
    // The stack grows downwards everywhere we run.
    char* top = stack_.get() + kStackSize;
    // A handler in the child would work on the parent's memory: signals wait until the parent is back.
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_ = clone(body, top, CLONE_VM | CLONE_VFORK | flags, argument);
    int err = errno;
    sigprocmask(SIG_SETMASK, &before, nullptr);
    if (pid_ < 0) return fail_errno(err, what);
    return {};
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  std::unique_ptr<char[]> stack_;
};

struct Job {
  const HelperNature* nature;
  const std::function<Result<>()>* work;
  Result<> result;
};

// Leaving fsuid 0 takes the capabilities about files out of the effective set (capabilities(7)): they are put back.
Result<> raise_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  if (syscall(SYS_capget, &header, data) != 0) return fail_errno(errno, "read the helper's capabilities");
  for (__user_cap_data_struct& word : data) word.effective = word.permitted;
  if (syscall(SYS_capset, &header, data) != 0) return fail_errno(errno, "keep the helper's capabilities");
  return {};
}

Result<> work_in_child(const HelperNature& nature, const std::function<Result<>()>& work) {
  // Without this, a mount below a shared one would appear in every peer of it (mount_namespaces(7)).
  if (nature.private_mounts && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return fail_errno(errno, "make the helper's mounts private");
  if (nature.fsuid < 0) return work();
  int dumpable = prctl(PR_GET_DUMPABLE);
  syscall(SYS_setfsgid, static_cast<gid_t>(nature.fsgid));
  syscall(SYS_setfsuid, static_cast<uid_t>(nature.fsuid));
  Result<> result = raise_capabilities();
  if (result) result = work();
  // A change of ids makes the memory, which is ours too, belong to root in /proc (prctl(2), PR_SET_DUMPABLE).
  if (dumpable == 1) prctl(PR_SET_DUMPABLE, 1);
  return result;
}

int run_job_in_child(void* argument) {
  auto* job = static_cast<Job*>(argument);
  job->result = work_in_child(*job->nature, *job->work);
  _exit(0);
}

int exit_in_child(void* /*argument*/) {
  _exit(0);
}

std::string map_text(const std::vector<IdRange>& ranges) {
  std::string text;
  // An id on disk is what the process inside sees; the mount shows it shifted to the one outside.
  for (const IdRange& range : ranges) text += cat(range.inside, ' ', range.outside, ' ', range.count, '\n');
  return text;
}

}  // namespace

Result<> run_in_helper(const HelperNature& nature, const std::function<Result<>()>& work) {
  Job job{&nature, &work, fail(Kind::kSystem, "the helper for mounting died")};
  Helper helper;
  int flags = CLONE_FILES | (nature.private_mounts ? CLONE_NEWNS : 0);
  TRY(helper.run(run_job_in_child, &job, flags, "start a helper for mounting"));
  return std::move(job.result);
}

Result<UniqueFd> user_namespace_of(const std::vector<IdRange>& uids, const std::vector<IdRange>& gids) {
  // The helper has ended when we come back, but until it is waited for its credentials, and with them its user
  // namespace, are to be had through /proc (user_namespaces(7)): no process has to be held and killed.
  Helper helper;
  TRY(helper.run(exit_in_child, nullptr, CLONE_NEWUSER, "create a user namespace"));
  std::string process = cat("/proc/", helper.pid());
  TRY(write_kernel_file(cat(process, "/uid_map"), map_text(uids)));
  TRY(write_kernel_file(cat(process, "/gid_map"), map_text(gids)));
  return open_file(cat(process, "/ns/user"), O_RDONLY);
}

}  // namespace shoji::images
