/* The floor: makes every kernel object that the default config of `runc spec` asks for, in plain C, and
 * nothing else.
 *
 *   floor ROOTFS CGROUP_PARENT PROGRAM [ARGUMENT]...
 *
 * No configuration is read, no state is kept, no error is undone. What remains is what the kernel charges for
 * a container of that config on a cgroup v2 host, so a runtime can be judged by its distance from it. Every
 * call is checked: a floor that skipped an object would be lower than the floor. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void check(long result, const char* what) {
  if (result >= 0) return;
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  _exit(125);
}

/* ---- cgroup and its device filter ---- */

#define LOAD(size, to, from, offset) {BPF_LDX | BPF_MEM | (size), (to), (from), (offset), 0}
#define JUMP_UNLESS_EQUAL(reg, value, skip) {BPF_JMP | BPF_JNE | BPF_K, (reg), 0, (skip), (value)}
#define JUMP_IF_EQUAL(reg, value, skip) {BPF_JMP | BPF_JEQ | BPF_K, (reg), 0, (skip), (value)}
#define ANSWER(value) {BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, (value)}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}
enum { kMknod = BPF_DEVCG_ACC_MKNOD, kCharacter = BPF_DEVCG_DEV_CHAR };

/* `deny all` of the config plus what every OCI runtime allows: mknod of anything, use of the default devices
 * and ptys. r2 type, r3 access, r4 major, r5 minor of struct bpf_cgroup_dev_ctx. */
static const struct bpf_insn device_filter[] = {
    LOAD(BPF_W, 2, 1, offsetof(struct bpf_cgroup_dev_ctx, access_type)),
    {BPF_ALU64 | BPF_MOV | BPF_X, 3, 2, 0, 0},
    {BPF_ALU64 | BPF_AND | BPF_K, 2, 0, 0, 0xffff},
    {BPF_ALU64 | BPF_RSH | BPF_K, 3, 0, 0, 16},
    LOAD(BPF_W, 4, 1, offsetof(struct bpf_cgroup_dev_ctx, major)),
    LOAD(BPF_W, 5, 1, offsetof(struct bpf_cgroup_dev_ctx, minor)),
    JUMP_IF_EQUAL(3, kMknod, 13), /* any mknod */
    JUMP_UNLESS_EQUAL(2, kCharacter, 14),
    JUMP_IF_EQUAL(4, 136, 11), /* ptys */
    JUMP_UNLESS_EQUAL(4, 5, 3),
    JUMP_IF_EQUAL(5, 0, 9), /* tty */
    JUMP_IF_EQUAL(5, 1, 8), /* console */
    JUMP_IF_EQUAL(5, 2, 7), /* ptmx */
    JUMP_UNLESS_EQUAL(4, 1, 8),
    JUMP_IF_EQUAL(5, 3, 5), /* null */
    JUMP_IF_EQUAL(5, 5, 4), /* zero */
    JUMP_IF_EQUAL(5, 7, 3), /* full */
    JUMP_IF_EQUAL(5, 8, 2), /* random */
    JUMP_IF_EQUAL(5, 9, 1), /* urandom */
    {BPF_JMP | BPF_JA, 0, 0, 2, 0},
    ANSWER(1),
    ANSWER(0),
};

static void attach_device_filter(int cgroup) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof(attr));
  attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attr.insns = (uintptr_t)device_filter;
  attr.insn_cnt = COUNT(device_filter);
  attr.license = (uintptr_t)"Apache-2.0";
  long program = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
  check(program, "load the device filter");
  memset(&attr, 0, sizeof(attr));
  attr.target_fd = (unsigned)cgroup;
  attr.attach_bpf_fd = (unsigned)program;
  attr.attach_type = BPF_CGROUP_DEVICE;
  attr.attach_flags = BPF_F_ALLOW_MULTI;
  check(syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)), "attach the device filter");
  check(close((int)program), "close the device filter");
}

/* ---- what happens inside ---- */

static void loopback_up(void) {
  struct ifreq request;
  memset(&request, 0, sizeof(request));
  memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  check(fd, "open a socket");
  check(ioctl(fd, SIOCSIFFLAGS, &request), "bring lo up");
  check(close(fd), "close the socket");
}

static void mount_all(void) {
  static const struct {
    const char *source, *target, *type;
    unsigned long flags;
    const char* data;
  } mounts[] = {
      {"proc", "proc", "proc", 0, NULL},
      {"tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"},
      {"devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"},
      {"shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, "mode=1777,size=65536k"},
      {"mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL},
      {"sysfs", "sys", "sysfs", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, NULL},
      {"cgroup", "sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RELATIME | MS_RDONLY,
       NULL},
  };
  for (size_t i = 0; i < COUNT(mounts); i++) {
    if (strncmp(mounts[i].target, "dev/", 4) == 0) check(mkdir(mounts[i].target, 0755), mounts[i].target);
    check(mount(mounts[i].source, mounts[i].target, mounts[i].type, mounts[i].flags, mounts[i].data),
          mounts[i].target);
  }
}

static void make_devices(void) {
  static const struct {
    const char* path;
    unsigned major, minor;
  } nodes[] = {{"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
               {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
  static const struct {
    const char *path, *target;
  } links[] = {{"dev/fd", "/proc/self/fd"},       {"dev/stdin", "/proc/self/fd/0"},
               {"dev/stdout", "/proc/self/fd/1"}, {"dev/stderr", "/proc/self/fd/2"},
               {"dev/core", "/proc/kcore"},       {"dev/ptmx", "pts/ptmx"}};
  umask(0);
  for (size_t i = 0; i < COUNT(nodes); i++) {
    check(mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)), nodes[i].path);
  }
  for (size_t i = 0; i < COUNT(links); i++) check(symlink(links[i].target, links[i].path), links[i].path);
  umask(022);
}

static void enter_root(const char* rootfs) {
  check(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "make / a slave");
  check(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), rootfs);
  check(chdir(rootfs), rootfs);
  mount_all();
  make_devices();
  check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  check(umount2(".", MNT_DETACH), "detach the old root");
  check(chdir("/"), "chdir /");
  check(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), "make / read-only");
}

static void hide_paths(void) {
  static const char* const readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                         "/proc/sysrq-trigger"};
  static const char* const masked[] = {
      "/proc/acpi",       "/proc/asound",      "/proc/kcore",       "/proc/keys",    "/proc/latency_stats",
      "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"};
  for (size_t i = 0; i < COUNT(readonly); i++) {
    if (mount(readonly[i], readonly[i], NULL, MS_BIND | MS_REC, NULL) == 0) {
      check(mount(NULL, readonly[i], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), readonly[i]);
    } else if (errno != ENOENT) {
      check(-1, readonly[i]);
    }
  }
  for (size_t i = 0; i < COUNT(masked); i++) {
    /* Asking first is the fast way: a bind mount that fails waits for an RCU grace period to take its clone down. */
    struct stat kind;
    if (stat(masked[i], &kind) != 0) {
      if (errno != ENOENT) check(-1, masked[i]);
    } else if (S_ISDIR(kind.st_mode)) {
      check(mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, NULL), masked[i]);
    } else {
      check(mount("/dev/null", masked[i], NULL, MS_BIND, NULL), masked[i]);
    }
  }
}

static void drop_privileges(void) {
  static const unsigned kept = 1u << CAP_AUDIT_WRITE | 1u << CAP_KILL | 1u << CAP_NET_BIND_SERVICE;
  const struct rlimit files = {1024, 1024};
  check(setrlimit(RLIMIT_NOFILE, &files), "limit open files");
  for (unsigned cap = 0; cap < 64; cap++) {
    if (cap < 32 && (kept & 1u << cap)) continue;
    if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break; /* past the kernel's last capability */
    check(-1, "drop a capability");
  }
  check(setgroups(0, NULL), "setgroups");
  check(setresgid(0, 0, 0), "setgid");
  check(setresuid(0, 0, 0), "setuid");
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2] = {{kept, kept, 0}, {0, 0, 0}};
  check(syscall(SYS_capset, &header, sets), "capset");
  check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
}

_Noreturn static void run_inside(const char* rootfs, char** program) {
  static char* const environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                      "TERM=xterm", NULL};
  /* Not a flag of clone3: namespaces are made before the task enters its cgroup, and would be rooted a level
   * too high. */
  check(unshare(CLONE_NEWCGROUP), "unshare the cgroup namespace");
  check(setsid(), "setsid");
  check(sethostname("runc", 4), "sethostname");
  loopback_up();
  enter_root(rootfs);
  hide_paths();
  drop_privileges();
  execve(program[0], program, environment);
  check(-1, program[0]);
  __builtin_unreachable();
}

int main(int argc, char** argv) {
  if (argc < 4) {
    fputs("usage: floor ROOTFS CGROUP_PARENT PROGRAM [ARGUMENT]...\n", stderr);
    return 2;
  }
  char path[4096];
  if (snprintf(path, sizeof(path), "%s/floor-%d", argv[2], (int)getpid()) >= (int)sizeof(path)) return 2;
  check(mkdir(path, 0755), path);
  int cgroup = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  check(cgroup, path);
  attach_device_filter(cgroup);

  struct clone_args args;
  memset(&args, 0, sizeof(args));
  args.flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS | CLONE_INTO_CGROUP;
  args.exit_signal = SIGCHLD;
  args.cgroup = (uint64_t)cgroup;
  long child = syscall(SYS_clone3, &args, sizeof(args));
  check(child, "clone3");
  if (child == 0) run_inside(argv[1], argv + 3);

  int status = 0;
  check(waitpid((pid_t)child, &status, 0), "wait");
  check(rmdir(path), path);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
