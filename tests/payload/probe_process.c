// Facts about the process itself: ids, capabilities, limits, scheduling, namespaces, descriptors.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

extern char** environ;

static int ids(char** args) {
  (void)args;
  uid_t ru, eu, su;
  gid_t rg, eg, sg, groups[256];
  if (getresuid(&ru, &eu, &su) || getresgid(&rg, &eg, &sg)) return -1;
  int n = getgroups(256, groups);
  if (n < 0) return -1;
  printf("uid=%u,%u,%u gid=%u,%u,%u groups=", ru, eu, su, rg, eg, sg);
  for (int i = 0; i < n; i++) printf("%s%u", i ? "," : "", groups[i]);
  printf("\n");
  return 0;
}

static int show_umask(char** args) {
  (void)args;
  mode_t m = umask(0);
  umask(m);
  printf("umask=%04o\n", m);
  return 0;
}

// status KEY...: lines of /proc/self/status, with the tab after the colon made a space.
static int status(char** args) {
  FILE* f = fopen("/proc/self/status", "re");
  if (!f) return -1;
  char line[512];
  while (fgets(line, sizeof line, f))
    for (char** a = args; *a; a++) {
      size_t n = strlen(*a);
      if (strncmp(line, *a, n) == 0 && line[n] == ':') {
        line[n + 1] = ' ';
        fputs(line, stdout);
      }
    }
  fclose(f);
  return 0;
}

static int cwd(char** args) {
  (void)args;
  char path[4096];
  // The system call, not getcwd(3): glibc invents an answer where the kernel says "(unreachable)".
  if (syscall(SYS_getcwd, path, sizeof path) < 0) return -1;
  printf("cwd=%s\n", path);
  return 0;
}

static int env(char** args) {
  if (!args[0]) {
    for (char** e = environ; *e; e++) puts(*e);
    return 0;
  }
  const char* value = getenv(args[0]);
  printf("%s=%s\n", args[0], value ? value : "(unset)");
  return 0;
}

static int env_count(char** args) {
  (void)args;
  int n = 0;
  for (char** e = environ; *e; e++) n++;
  printf("environ=%d\n", n);
  return 0;
}

static int show_args(char** args) {
  for (; *args; args++) printf("arg=%s\n", *args);
  return 0;
}

static void print_limit(rlim_t v) {
  if (v == RLIM_INFINITY)
    printf(" unlimited");
  else
    printf(" %llu", (unsigned long long)v);
}

static int limit(char** args) {
  static const struct {
    const char* name;
    int resource;
  } names[] = {{"AS", RLIMIT_AS},           {"CORE", RLIMIT_CORE},         {"CPU", RLIMIT_CPU},
               {"DATA", RLIMIT_DATA},       {"FSIZE", RLIMIT_FSIZE},       {"LOCKS", RLIMIT_LOCKS},
               {"MEMLOCK", RLIMIT_MEMLOCK}, {"MSGQUEUE", RLIMIT_MSGQUEUE}, {"NICE", RLIMIT_NICE},
               {"NOFILE", RLIMIT_NOFILE},   {"NPROC", RLIMIT_NPROC},       {"RSS", RLIMIT_RSS},
               {"RTPRIO", RLIMIT_RTPRIO},   {"RTTIME", RLIMIT_RTTIME},     {"SIGPENDING", RLIMIT_SIGPENDING},
               {"STACK", RLIMIT_STACK}};
  for (; *args; args++)
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
      if (strcmp(names[i].name, *args) == 0) {
        struct rlimit r;
        if (getrlimit(names[i].resource, &r)) return -1;
        printf("%s", *args);
        print_limit(r.rlim_cur);
        print_limit(r.rlim_max);
        printf("\n");
      }
  return 0;
}

static int ns(char** args) {
  for (; *args; args++) {
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/self/ns/%s", *args);
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 0) return -1;
    target[n] = 0;
    printf("%s\n", target);
  }
  return 0;
}

static int tty(char** args) {
  int fd = args[0] ? atoi(args[0]) : 0;
  struct winsize w = {0};
  if (!isatty(fd)) {
    printf("tty%d=no\n", fd);
    return 0;
  }
  if (ioctl(fd, TIOCGWINSZ, &w)) return -1;
  char name[128];
  printf("tty%d=yes %ux%u %s\n", fd, w.ws_col, w.ws_row, ttyname_r(fd, name, sizeof name) == 0 ? name : "?");
  return 0;
}

static int fds(char** args) {
  (void)args;
  DIR* d = opendir("/proc/self/fd");
  if (!d) return -1;
  for (struct dirent* e; (e = readdir(d));) {
    int fd = atoi(e->d_name);
    if (e->d_name[0] == '.' || fd == dirfd(d)) continue;
    char target[4096];
    ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof target - 1);
    printf("fd%d=%.*s\n", fd, (int)(n < 0 ? 0 : n), target);
  }
  closedir(d);
  return 0;
}

static int names(char** args) {
  (void)args;
  char host[256], domain[256];
  if (gethostname(host, sizeof host) || getdomainname(domain, sizeof domain)) return -1;
  printf("hostname=%s domainname=%s\n", host, domain);
  return 0;
}

static int keyring(char** args) {
  (void)args;
  char text[256];
  long n = syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof text - 1);
  if (n < 0) return -1;
  text[n < 255 ? n : 255] = 0;
  printf("keyring=%s\n", strrchr(text, ';') + 1);
  return 0;
}

static int scheduling(char** args) {
  (void)args;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set)) return -1;
  int pdeathsig = 0;
  prctl(PR_GET_PDEATHSIG, &pdeathsig);
  errno = 0;
  printf("policy=%d nice=%d cpus=%d ioprio=%ld personality=%x pdeathsig=%d dumpable=%d\n",
         sched_getscheduler(0), getpriority(PRIO_PROCESS, 0), CPU_COUNT(&set), syscall(SYS_ioprio_get, 1, 0),
         (unsigned)personality(0xffffffff), pdeathsig, prctl(PR_GET_DUMPABLE));
  return 0;
}

static int pids(char** args) {
  (void)args;
  printf("pid=%d ppid=%d pgid=%d sid=%d\n", getpid(), getppid(), getpgrp(), getsid(0));
  return 0;
}

static int clocks(char** args) {
  (void)args;
  struct timespec m, b;
  if (clock_gettime(CLOCK_MONOTONIC, &m) || clock_gettime(CLOCK_BOOTTIME, &b)) return -1;
  printf("monotonic=%lld boottime=%lld\n", (long long)m.tv_sec, (long long)b.tv_sec);
  return 0;
}

const struct command process_commands[] = {{"ids", 0, ids},         {"umask", 0, show_umask},
                                           {"status", 1, status},   {"cwd", 0, cwd},
                                           {"env", 0, env},         {"env-count", 0, env_count},
                                           {"args", 0, show_args},  {"limit", 1, limit},
                                           {"ns", 1, ns},           {"tty", 0, tty},
                                           {"fds", 0, fds},         {"names", 0, names},
                                           {"keyring", 0, keyring}, {"scheduling", 0, scheduling},
                                           {"pids", 0, pids},       {"clocks", 0, clocks},
                                           {NULL, 0, NULL}};
