// Steps that change what the process is: namespaces, ids, limits, capabilities, filters, and the program itself.
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sys/stat.h>

#include "runtime/init/freestanding.h"
#include "runtime/init/raw.h"
#include "runtime/init/walker.h"

namespace shoji {
namespace {

constexpr int kAfUnix = 1;  // socket(2)
constexpr int kSockDgramCloexec = 2 | O_CLOEXEC;
constexpr int kIoPrioWhoProcess = 1;  // ioprio_set(2)
constexpr int kAtEaccess = 0x200;     // faccessat2(2)
constexpr int kXOk = 1;

struct Limit {
  uint64_t soft, hard;
};

struct FilterProgram {
  uint16_t length;
  const char* filter;
};

constexpr uint64_t kFilterSize = 8;  // struct sock_filter

}  // namespace

long ProcessSteps::set_namespace(Walker& w, const Step& step) {
  return raw::call(SYS_setns, w.slot(step.a), step.flags);
}

long ProcessSteps::unshare(Walker& /*w*/, const Step& step) {
  return raw::call(SYS_unshare, step.flags);
}

long ProcessSteps::set_ids(Walker& w, const Step& step) {
  if ((step.flags & kIdsNoGroups) == 0) {
    uint64_t* wide = w.vector(step.v0);
    auto* groups = reinterpret_cast<uint32_t*>(wide);
    // The plan's vectors have 64-bit elements, the kernel wants 32: packed in place, front to back.
    for (uint32_t i = 0; i < step.v0_len; ++i) groups[i] = static_cast<uint32_t>(wide[i]);
    long result = w.at(StepPart::kGroups, raw::call(SYS_setgroups, step.v0_len, groups));
    if (result < 0) return result;
  }
  auto gid = static_cast<uint32_t>(step.u1);
  long result = w.at(StepPart::kGid, raw::call(SYS_setresgid, gid, gid, gid));
  if (result < 0) return result;
  auto uid = static_cast<uint32_t>(step.u0);
  return w.at(StepPart::kUid, raw::call(SYS_setresuid, uid, uid, uid));
}

// Any socket of the new namespace can carry the request (netdevice(7)); a unix one is the cheapest.
long ProcessSteps::loopback_up(Walker& w, const Step& /*step*/) {
  long fd = w.at(StepPart::kSocket, raw::call(SYS_socket, kAfUnix, kSockDgramCloexec, 0));
  if (fd < 0) return fd;
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = static_cast<short>(IFF_UP);
  long result = raw::call(SYS_ioctl, fd, SIOCSIFFLAGS, &request);
  raw::close(fd);
  return result;
}

long ProcessSteps::sethostname(Walker& w, const Step& step) {
  return raw::call(SYS_sethostname, w.text(step.s0), step.s0_len);
}

long ProcessSteps::setdomainname(Walker& w, const Step& step) {
  return raw::call(SYS_setdomainname, w.text(step.s0), step.s0_len);
}

long ProcessSteps::setsid(Walker& /*w*/, const Step& /*step*/) {
  long result = raw::call(SYS_setsid);
  return result < 0 ? result : 0;
}

long ProcessSteps::session_keyring(Walker& w, const Step& step) {
  long result = raw::call(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, w.text(step.s0));
  return result < 0 ? result : 0;
}

long ProcessSteps::rlimit(Walker& /*w*/, const Step& step) {
  uint32_t resource = step.flags & ~kRlimitRaiseHard;
  Limit limit{step.u0, step.u1};
  if ((step.flags & kRlimitRaiseHard) != 0) {
    Limit now{};
    long result = raw::call(SYS_prlimit64, 0, resource, nullptr, &now);
    if (result < 0) return result;
    limit.soft = now.soft;
  }
  return raw::call(SYS_prlimit64, 0, resource, &limit, nullptr);
}

long ProcessSteps::set_umask(Walker& /*w*/, const Step& step) {
  raw::call(SYS_umask, step.u0);
  return 0;
}

long ProcessSteps::scheduler(Walker& w, const Step& step) {
  return raw::call(SYS_sched_setattr, 0, w.text(step.s0), 0);
}

long ProcessSteps::io_priority(Walker& /*w*/, const Step& step) {
  return raw::call(SYS_ioprio_set, kIoPrioWhoProcess, 0, step.u0);
}

long ProcessSteps::affinity(Walker& w, const Step& step) {
  return raw::call(SYS_sched_setaffinity, 0, step.s0_len, w.text(step.s0));
}

long ProcessSteps::personality(Walker& /*w*/, const Step& step) {
  long result = raw::call(SYS_personality, step.u0);
  return result < 0 ? result : 0;
}

long ProcessSteps::mempolicy(Walker& w, const Step& step) {
  // The kernel counts the bits of the mask plus one (set_mempolicy(2), BUGS).
  return raw::call(SYS_set_mempolicy, step.u0, step.s0_len == 0 ? nullptr : w.text(step.s0),
                   step.s0_len * 8 + 1);
}

long ProcessSteps::drop_bounding(Walker& /*w*/, const Step& step) {
  for (uint64_t cap = 0; cap <= step.u1; ++cap) {
    if ((step.u0 >> cap & 1) != 0) continue;
    long result = raw::call(SYS_prctl, PR_CAPBSET_DROP, cap, 0, 0, 0);
    if (result < 0) return result;
  }
  return 0;
}

long ProcessSteps::keep_caps(Walker& /*w*/, const Step& step) {
  return raw::call(SYS_prctl, PR_SET_KEEPCAPS, step.u0, 0, 0, 0);
}

long ProcessSteps::set_caps(Walker& /*w*/, const Step& step) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2];
  for (int half = 0; half < 2; ++half) {
    data[half].effective = static_cast<uint32_t>(step.u0 >> (32 * half));
    data[half].permitted = static_cast<uint32_t>(step.u1 >> (32 * half));
    data[half].inheritable = static_cast<uint32_t>(step.u2 >> (32 * half));
  }
  return raw::call(SYS_capset, &header, data);
}

long ProcessSteps::ambient(Walker& /*w*/, const Step& step) {
  long result = raw::call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (uint64_t cap = 0; cap < 64 && result >= 0; ++cap) {
    if ((step.u0 >> cap & 1) == 0) continue;
    result = raw::call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
    if (result < 0 && (step.u1 >> cap & 1) != 0) result = 0;
  }
  return result;
}

long ProcessSteps::no_new_privs(Walker& /*w*/, const Step& /*step*/) {
  return raw::call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

long ProcessSteps::seccomp(Walker& w, const Step& step) {
  FilterProgram program{static_cast<uint16_t>(step.s0_len / kFilterSize), w.text(step.s0)};
  return raw::call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, step.flags, &program);
}

long ProcessSteps::change_dir(Walker& w, const Step& step) {
  if ((step.flags & kChdirOnce) != 0 && w.in_cwd_) return 0;
  long result = raw::call(SYS_chdir, w.text(step.s0));
  if (result < 0) return result;
  // A cwd that is not below the root (a leaked descriptor's directory) shows as "(unreachable)..." (CVE-2024-21626).
  char where[4096];
  long n = raw::call(SYS_getcwd, where, sizeof where);
  if (n < 0 && n != -ERANGE && n != -ENAMETOOLONG) return n;
  if (n > 0 && where[0] != '/') return -EXDEV;
  w.in_cwd_ = true;
  return 0;
}

// Everything from u0 on closes at the exec. Below it are 0, 1, 2 and what the caller wants handed in; descriptors of
// ours that happen to lie there close one by one.
long ProcessSteps::cloexec_from(Walker& w, const Step& step) {
  auto first = static_cast<long>(step.u0);
  auto mark = [first](long fd) {
    if (fd >= 3 && fd < first) raw::call(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
  };
  mark(w.header_->socket);
  mark(w.header_->proc);
  for (uint32_t i = 0; i < w.header_->slot_count; ++i) mark(w.slots_[i]);
  return raw::call(SYS_close_range, first, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
}

// A path of the configuration may name our own descriptors: "/proc/self/fd/N/../bin/sh" of a directory of the host is a
// program of the host (CVE-2024-21626).
long ProcessSteps::close_host(Walker& w, const Step& step) {
  const auto first = static_cast<long>(step.u0);
  long kept[] = {w.header_->socket, w.slot(step.a), w.slot(step.b)};
  auto is_kept = [&kept](long fd) { return fd == kept[0] || fd == kept[1] || fd == kept[2]; };
  auto drop = [&](int32_t fd) {
    if (fd >= 3 && fd < first && !is_kept(fd)) raw::close(fd);
  };
  drop(w.header_->proc);
  drop(w.root_);
  for (uint32_t i = 0; i < w.header_->slot_count; ++i) drop(w.slots_[i]);
  w.root_ = -1;
  for (long from = first;;) {
    long next = -1;  // the lowest of the kept ones from here on
    for (long fd : kept)
      if (fd >= from && (next < 0 || fd < next)) next = fd;
    if (next < 0) return raw::call(SYS_close_range, from, ~0U, 0);
    if (next > from) {
      long result = raw::call(SYS_close_range, from, next - 1, 0);
      if (result < 0) return result;
    }
    from = next + 1;
  }
}

// Other processes of a pid namespace may then not look at our descriptors and memory (ptrace(2), proc_pid_fd(5)). The
// exec of the program undoes it.
long ProcessSteps::undumpable(Walker& /*w*/, const Step& /*step*/) {
  return raw::call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
}

long ProcessSteps::dup_to(Walker& w, const Step& step) {
  long result = raw::call(SYS_dup3, w.slot(step.a), step.u0, 0);
  return result < 0 ? result : 0;
}

namespace {

long usable(const char* path) {
  struct stat st{};
  long result = raw::call(SYS_newfstatat, AT_FDCWD, path, &st, 0);
  if (result < 0) return result;
  if (!S_ISREG(st.st_mode)) return -EACCES;
  return raw::call(SYS_faccessat2, AT_FDCWD, path, kXOk, kAtEaccess);
}

}  // namespace

// execvp's rule: the first candidate that can be executed; else EACCES if any was there but not executable.
long ProcessSteps::find_program(Walker& w, const Step& step) {
  long answer = -ENOENT;
  for (uint32_t i = 0; i < step.v0_len; ++i) {
    const char* candidate = w.element(step.v0, i);
    long result = usable(candidate);
    if (result == 0) {
      w.program_ = candidate;
      return 0;
    }
    if (answer == -ENOENT && result != -ENOTDIR) answer = result;
  }
  return answer;
}

long ProcessSteps::exec(Walker& w, const Step& step) {
  auto pointers = [&w](uint32_t offset, uint32_t count) {
    uint64_t* list = w.vector(offset);
    for (uint32_t i = 0; i < count; ++i) list[i] = reinterpret_cast<uint64_t>(w.plan_ + list[i]);
    return list;  // ends with 0, as the plan laid it out
  };
  uint64_t* argv = pointers(step.v0, step.v0_len);
  uint64_t* envp = pointers(step.v1, step.v1_len);
  return raw::call(SYS_execve, w.program_, argv, envp);
}

long ProcessSteps::apparmor_exec(Walker& w, const Step& step) {
  return FileSteps::write_proc(w, step);
}
long ProcessSteps::selinux_exec(Walker& w, const Step& step) {
  return FileSteps::write_proc(w, step);
}

}  // namespace shoji
