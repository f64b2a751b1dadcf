// What the program does rather than sees: waiting, signals, load, single system calls.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

static int echo(char** args) {
  for (char** a = args; *a; a++) printf("%s%s", a == args ? "" : " ", *a);
  printf("\n");
  return 0;
}

static int to_stderr(char** args) {
  fprintf(stderr, "%s\n", args[0]);
  return 0;
}

static int read_stdin(char** args) {
  (void)args;
  char buffer[4096];
  ssize_t n, total = 0;
  while ((n = read(0, buffer, sizeof buffer)) > 0) {
    fwrite(buffer, 1, (size_t)n, stdout);
    total += n;
  }
  if (n < 0) return -1;
  printf("stdin=%zd bytes\n", total);
  return 0;
}

// save-stdin FILE: what a hook is told, kept for the test to read.
static int save_stdin(char** args) {
  int out = open(args[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (out < 0) return -1;
  char buffer[4096];
  ssize_t n;
  while ((n = read(0, buffer, sizeof buffer)) > 0)
    if (write(out, buffer, (size_t)n) != n) return -1;
  close(out);
  return n < 0 ? -1 : 0;
}

static int do_exit(char** args) {
  fflush(stdout);
  exit(atoi(args[0]));
}

static int do_sleep(char** args) {
  double seconds = atof(args[0]);
  struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  while (nanosleep(&t, &t) && errno == EINTR) {
  }
  return 0;
}

// Nobody waits longer than this for a probe: what is forgotten goes away by itself.
static int wait_forever(char** args) {
  (void)args;
  char* ten_minutes[] = {"600", NULL};
  return do_sleep(ten_minutes);
}

static int wait_for_file(char** args) {
  for (int i = 0; i < 60000; i++) {
    if (access(args[0], F_OK) == 0) return 0;
    usleep(1000);
  }
  errno = ETIMEDOUT;
  return -1;
}

static int signal_number(const char* name) {
  if (name[0] >= '0' && name[0] <= '9') return atoi(name);
  for (int s = 1; s < 65; s++) {
    const char* abbreviation = sigabbrev_np(s);
    if (abbreviation && strcmp(abbreviation, name) == 0) return s;
  }
  return -1;
}

static int ignore(char** args) {
  for (; *args; args++) signal(signal_number(*args), SIG_IGN);
  return 0;
}

static void report(int s) {
  char line[32] = "got ";
  const char* name = sigabbrev_np(s);
  strncat(line, name ? name : "?", 16);
  strcat(line, "\n");
  if (write(1, line, strlen(line)) < 0) _exit(121);
}

static int trap(char** args) {
  for (; *args; args++) signal(signal_number(*args), report);
  return 0;
}

static int exit_on(char** args) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal_number(args[0]));
  sigprocmask(SIG_BLOCK, &set, NULL);
  printf("ready\n");
  int got = 0;
  sigwait(&set, &got);
  printf("got %s\n", sigabbrev_np(got));
  exit(args[1] ? atoi(args[1]) : 0);
}

static int kill_self(char** args) {
  return kill(getpid(), signal_number(args[0]));
}

static int on_winch_print_size(char** args) {
  (void)args;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGWINCH);
  sigprocmask(SIG_BLOCK, &set, NULL);
  printf("ready\n");
  int got = 0;
  sigwait(&set, &got);
  struct winsize w = {0};
  if (ioctl(0, TIOCGWINSZ, &w)) return -1;
  printf("size=%ux%u\n", w.ws_col, w.ws_row);
  return 0;
}

// alloc MIB: touches that much memory and says so; under a lower limit the kernel kills us first.
static int alloc(char** args) {
  size_t bytes = (size_t)atol(args[0]) << 20;
  char* p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return -1;
  for (size_t i = 0; i < bytes; i += 4096) p[i] = 1;
  printf("allocated %s\n", args[0]);
  return 0;
}

// fork N: that many children that stay for a moment; prints how many the kernel allowed.
static int do_fork(char** args) {
  int wanted = atoi(args[0]), made = 0, cause = 0;
  pid_t* children = calloc((size_t)wanted + 1, sizeof(pid_t));
  for (; made < wanted; made++) {
    children[made] = fork();
    if (children[made] == 0) {
      pause();
      _exit(0);
    }
    if (children[made] < 0) {
      cause = errno;
      break;
    }
  }
  printf("forked %d of %d %s\n", made, wanted, cause ? strerrorname_np(cause) : "");
  for (int i = 0; i < made; i++) kill(children[i], SIGKILL);
  for (int i = 0; i < made; i++) waitpid(children[i], NULL, 0);
  free(children);
  return 0;
}

// child: leaves one child that waits behind, for tests that count processes.
static int child(char** args) {
  (void)args;
  pid_t p = fork();
  if (p < 0) return -1;
  if (p == 0) {
    wait_forever(NULL);
    _exit(0);
  }
  printf("child=%d\n", p);
  return 0;
}

static int zombie(char** args) {
  (void)args;
  pid_t p = fork();
  if (p < 0) return -1;
  if (p == 0) _exit(0);
  return 0;
}

static int spin(char** args) {
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  long ms = atol(args[0]);
  do clock_gettime(CLOCK_MONOTONIC, &now);
  while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < ms);
  return 0;
}

// An executable that is not ours, and whoever can be opened for writing; a directory that is not of our root.
static void look_at(int pid, const char* what) {
  char path[64], target[512];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, what);
  if (strcmp(what, "exe") == 0) {
    ssize_t n = readlink(path, target, sizeof target - 1);
    int fd = n > 0 ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    // A sealed memfd may be opened for writing; a write(2) to it does nothing.
    int seals = fd >= 0 ? fcntl(fd, F_GET_SEALS) : -1;
    if (fd >= 0 && (seals < 0 || !(seals & F_SEAL_WRITE))) printf("writable: %.*s\n", (int)n, target);
    if (fd >= 0) close(fd);
    return;
  }
  DIR* d = opendir(path);
  if (!d) return;
  for (struct dirent* e; (e = readdir(d));) {
    struct stat s;
    ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof target - 1);
    if (n > 0 && fstatat(dirfd(d), e->d_name, &s, 0) == 0 && S_ISDIR(s.st_mode) &&
        strncmp(target, "/proc", (size_t)n < 5 ? (size_t)n : 5) != 0)
      printf("directory: %.*s\n", (int)n, target);
  }
  closedir(d);
}

// Looks at every other process again and again; prints what it should not be able to reach.
static int hunt(const char* what, int seconds) {
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  do {
    DIR* d = opendir("/proc");
    if (!d) return -1;
    for (struct dirent* e; (e = readdir(d));) {
      int pid = atoi(e->d_name);
      if (pid > 1) look_at(pid, what);
    }
    closedir(d);
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while (now.tv_sec - start.tv_sec < seconds);
  return 0;
}

static int hunt_exe(char** args) {
  (void)args;
  return hunt("exe", 60);
}

static int hunt_fds(char** args) {
  (void)args;
  return hunt("fd", 60);
}

// call NAME|NUMBER [ARG...]: one system call; prints its result or the name of its errno.
static int call(char** args) {
  static const struct {
    const char* name;
    long number;
  } names[] = {{"getcwd", SYS_getcwd},           {"mkdir", SYS_mkdir},   {"getpid", SYS_getpid},
               {"personality", SYS_personality}, {"sync", SYS_sync},     {"unshare", SYS_unshare},
               {"getpriority", SYS_getpriority}, {"setsid", SYS_setsid}, {"sethostname", SYS_sethostname},
               {"chroot", SYS_chroot},           {"socket", SYS_socket}, {"umask", SYS_umask},
               {"setuid", SYS_setuid},           {"chown", SYS_chown},   {"getuid", SYS_getuid}};
  long number = atol(args[0]);
  int known = args[0][0] >= '0' && args[0][0] <= '9';
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    if (strcmp(names[i].name, args[0]) == 0) {
      number = names[i].number;
      known = 1;
    }
  if (!known) {
    printf("probe: no system call \"%s\"\n", args[0]);
    exit(120);
  }
  long a[3] = {0, 0, 0};
  for (int i = 0; i < 3 && args[i + 1]; i++)
    a[i] = args[i + 1][0] == '/' ? (long)args[i + 1] : strtol(args[i + 1], NULL, 0);
  errno = 0;
  long result = syscall(number, a[0], a[1], a[2]);
  if (result >= 0)
    printf("%s=%ld\n", args[0], result);
  else
    printf("%s=%s\n", args[0], strerrorname_np(errno));
  return 0;
}

// try COMMAND...: executes another program and prints why that could not be done.
static int try_exec(char** args) {
  fflush(stdout);
  execv(args[0], args);
  return -1;
}

const struct command action_commands[] = {{"echo", 0, echo},
                                          {"stderr", 1, to_stderr},
                                          {"stdin", 0, read_stdin},
                                          {"save-stdin", 1, save_stdin},
                                          {"exit", 1, do_exit},
                                          {"sleep", 1, do_sleep},
                                          {"wait", 0, wait_forever},
                                          {"wait-for", 1, wait_for_file},
                                          {"ignore", 1, ignore},
                                          {"trap", 1, trap},
                                          {"exit-on", 1, exit_on},
                                          {"kill-self", 1, kill_self},
                                          {"winch", 0, on_winch_print_size},
                                          {"alloc", 1, alloc},
                                          {"fork", 1, do_fork},
                                          {"child", 0, child},
                                          {"hunt-exe", 0, hunt_exe},
                                          {"hunt-fds", 0, hunt_fds},
                                          {"zombie", 0, zombie},
                                          {"spin", 1, spin},
                                          {"call", 1, call},
                                          {"exec", 1, try_exec},
                                          {NULL, 0, NULL}};
