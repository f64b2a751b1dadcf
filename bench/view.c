/* view ROOT WORK COMMAND [ARGUMENT]...: run a command where cgroup v2 is all there is, with ROOT as its root
 * directory.
 *
 * Private mounts only, so that nothing outside changes and nothing is left when the command ends. WORK
 * appears as /mnt, /run and /tmp are empty. ROOT may be `/`. Every contestant runs in here: with the
 * libraries of ROOT where it needs some, among the same few mounts, which each new mount namespace copies. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void check(long result, const char* what) {
  if (result >= 0) return;
  fprintf(stderr, "view: %s: %s\n", what, strerror(errno));
  exit(125);
}

static void mount_on(const char* source, const char* target, const char* type, unsigned long flags) {
  check(mount(source, target, type, flags, NULL), target);
}

static void only_cgroup2(void) {
  while (umount2("sys/fs/cgroup", MNT_DETACH) == 0) continue;
  if (errno != EINVAL) check(-1, "detach /sys/fs/cgroup");
  mount_on("cgroup2", "sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC);
}

static void change_root(const char* root, const char* work) {
  mount_on(root, root, NULL, MS_BIND);
  check(chdir(root), root);
  mount_on("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
  mount_on("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC);
  mount_on("/dev", "dev", NULL, MS_BIND | MS_REC);
  mount_on(work, "mnt", NULL, MS_BIND);
  check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  check(umount2(".", MNT_DETACH), "detach the old root");
}

int main(int argc, char** argv) {
  if (argc < 4) {
    fputs("usage: view ROOT WORK COMMAND [ARGUMENT]...\n", stderr);
    return 2;
  }
  check(unshare(CLONE_NEWNS), "unshare the mount namespace");
  check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make / private");
  if (strcmp(argv[1], "/") == 0) {
    mount_on(argv[2], "/mnt", NULL, MS_BIND);
  } else {
    change_root(argv[1], argv[2]);
  }
  check(chdir("/"), "chdir /");
  only_cgroup2();
  mount_on("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV);
  mount_on("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV);
  execvp(argv[3], argv + 3);
  check(-1, argv[3]);
}
