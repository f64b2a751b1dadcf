// What the file system looks like from inside, and what it lets the program do.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "probe.h"

static int cat(char** args) {
  int fd = open(args[0], O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  char buffer[65536];
  ssize_t n;
  char last = '\n';
  fflush(stdout);
  while ((n = read(fd, buffer, sizeof buffer)) > 0) {
    fwrite(buffer, 1, (size_t)n, stdout);
    last = buffer[n - 1];
  }
  int saved = errno;
  close(fd);
  errno = saved;
  if (n < 0) return -1;
  if (last != '\n') putchar('\n');
  return 0;
}

static int by_name(const void* a, const void* b) {
  return strcmp(*(char* const*)a, *(char* const*)b);
}

static int ls(char** args) {
  DIR* d = opendir(args[0]);
  if (!d) return -1;
  char* found[4096];
  size_t n = 0;
  for (struct dirent* e; (e = readdir(d)) && n < 4096;)
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) found[n++] = strdup(e->d_name);
  closedir(d);
  qsort(found, n, sizeof found[0], by_name);
  printf("%s:", args[0]);
  for (size_t i = 0; i < n; i++) printf(" %s", found[i]);
  printf("\n");
  return 0;
}

static const char* kind(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "dir";
    case S_IFCHR:
      return "char";
    case S_IFBLK:
      return "block";
    case S_IFIFO:
      return "fifo";
    case S_IFLNK:
      return "link";
    default:
      return "socket";
  }
}

// PATH: KIND MODE UID:GID SIZE, and MAJOR:MINOR for a device.
static int print_stat(const char* path, int flags) {
  struct stat s;
  if (fstatat(AT_FDCWD, path, &s, flags)) return -1;
  printf("%s: %s %04o %u:%u", path, kind(s.st_mode), s.st_mode & 07777, s.st_uid, s.st_gid);
  if (S_ISREG(s.st_mode)) printf(" %lld", (long long)s.st_size);
  if (S_ISCHR(s.st_mode) || S_ISBLK(s.st_mode)) printf(" %u:%u", major(s.st_rdev), minor(s.st_rdev));
  printf("\n");
  return 0;
}

static int do_stat(char** args) {
  return print_stat(args[0], 0);
}
static int do_lstat(char** args) {
  return print_stat(args[0], AT_SYMLINK_NOFOLLOW);
}

static int do_readlink(char** args) {
  char target[4096];
  ssize_t n = readlink(args[0], target, sizeof target - 1);
  if (n < 0) return -1;
  printf("%s -> %.*s\n", args[0], (int)n, target);
  return 0;
}

static int put(const char* path, const char* text, int flags) {
  int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0644);
  if (fd < 0) return -1;
  ssize_t n = write(fd, text, strlen(text));
  int saved = errno;
  close(fd);
  errno = saved;
  return n == (ssize_t)strlen(text) ? 0 : -1;
}

static int do_write(char** args) {
  return put(args[0], args[1], O_CREAT | O_TRUNC);
}
static int do_append(char** args) {
  return put(args[0], args[1], O_APPEND);
}
static int do_mkdir(char** args) {
  return mkdir(args[0], 0755);
}
static int do_unlink(char** args) {
  return unlink(args[0]);
}
static int do_symlink(char** args) {
  return symlink(args[0], args[1]);
}
// link-self-ns TYPE LINK: a link whose target is the name of our namespace.
static int do_link_self_ns(char** args) {
  char path[64], target[64];
  snprintf(path, sizeof path, "/proc/self/ns/%s", args[0]);
  ssize_t n = readlink(path, target, sizeof target - 1);
  if (n < 0) return -1;
  target[n] = 0;
  return symlink(target, args[1]);
}

static int do_mknod(char** args) {
  return mknod(args[0], S_IFCHR | 0666, makedev((unsigned)atoi(args[1]), (unsigned)atoi(args[2])));
}

// open PATH r|w|rw: opens and closes it, as a device program would.
static int do_open(char** args) {
  int flags = strcmp(args[1], "r") == 0 ? O_RDONLY : strcmp(args[1], "w") == 0 ? O_WRONLY : O_RDWR;
  int fd = open(args[0], flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return -1;
  close(fd);
  printf("open %s: ok\n", args[0]);
  return 0;
}

static int do_mount(char** args) {
  unsigned long flags = 0;
  for (char** o = args + 3; *o; o++)
    if (strcmp(*o, "bind") == 0)
      flags |= MS_BIND;
    else if (strcmp(*o, "remount") == 0)
      flags |= MS_REMOUNT;
  return mount(args[0], args[1], args[2], flags, NULL);
}

static int do_umount(char** args) {
  return umount2(args[0], MNT_DETACH);
}

static int do_exec_mode(char** args) {
  return access(args[0], X_OK);
}

// vfs PATH: the mount's type magic, flags as statvfs sees them, size in KiB.
static int vfs(char** args) {
  struct statfs f;
  if (statfs(args[0], &f)) return -1;
  static const struct {
    unsigned long flag;
    const char* name;
  } names[] = {{ST_RDONLY, "ro"},
               {ST_NOSUID, "nosuid"},
               {ST_NODEV, "nodev"},
               {ST_NOEXEC, "noexec"},
               {ST_SYNCHRONOUS, "sync"},
               {ST_NOATIME, "noatime"},
               {ST_NODIRATIME, "nodiratime"},
               {ST_RELATIME, "relatime"},
               {0x2000, "nosymfollow"}};
  printf("%s: type=%lx size=%lluK flags=", args[0], (unsigned long)f.f_type,
         (unsigned long long)f.f_blocks * (unsigned long long)f.f_bsize / 1024);
  const char* comma = "";
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    if ((unsigned long)f.f_flags & names[i].flag) {
      printf("%s%s", comma, names[i].name);
      comma = ",";
    }
  printf("\n");
  return 0;
}

const struct command file_commands[] = {{"cat", 1, cat},
                                        {"ls", 1, ls},
                                        {"stat", 1, do_stat},
                                        {"lstat", 1, do_lstat},
                                        {"readlink", 1, do_readlink},
                                        {"write", 2, do_write},
                                        {"append", 2, do_append},
                                        {"mkdir", 1, do_mkdir},
                                        {"unlink", 1, do_unlink},
                                        {"symlink", 2, do_symlink},
                                        {"link-self-ns", 2, do_link_self_ns},
                                        {"mknod", 3, do_mknod},
                                        {"open", 2, do_open},
                                        {"mount", 3, do_mount},
                                        {"umount", 1, do_umount},
                                        {"executable", 1, do_exec_mode},
                                        {"vfs", 1, vfs},
                                        {NULL, 0, NULL}};
