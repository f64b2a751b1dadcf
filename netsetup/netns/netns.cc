#include "netsetup/netns/netns.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/io.h"
#include "base/path.h"

namespace shoji::net {

namespace {

Result<> bring_up_loopback() {
  UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno(errno, "open a socket in a new network namespace");
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) return fail_errno(errno, "bring up lo");
  return {};
}

// A new namespace with lo up; the caller's thread is where it was. netdevice(7)'s ioctl, because one flag is not worth a
// netlink socket of 0.1 ms.
Result<UniqueFd> unshare_netns() {
  TRY_ASSIGN(UniqueFd home, open_file("/proc/thread-self/ns/net", O_RDONLY));
  if (unshare(CLONE_NEWNET) != 0) return fail_errno(errno, "make a network namespace");
  Result<> up = bring_up_loopback();
  Result<UniqueFd> made = open_file("/proc/thread-self/ns/net", O_RDONLY);
  if (setns(home.get(), CLONE_NEWNET) != 0)
    return fail_errno(errno, "come back to the host's network namespace");
  TRY(up);
  return made;
}

// The file that a namespace is to be mounted on: who makes it has the name.
Result<std::string> take_name(const std::string& directory, const std::string& name) {
  TRY(make_directories(directory, 0755));
  std::string path = join_path(directory, name);
  TRY(open_file(path, O_RDONLY | O_CREAT | O_EXCL, 0444));
  return path;
}

Result<> pin_at(const std::string& path, int netns) {
  std::string source = cat("/proc/thread-self/fd/", netns);
  if (mount(source.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0)
    return fail_errno(errno, cat("pin a network namespace at ", quote(path)));
  return {};
}

bool is_namespace(int fd) {
  struct statfs facts{};
  return fstatfs(fd, &facts) == 0 && facts.f_type == NSFS_MAGIC;
}

}  // namespace

Result<UniqueFd> make_netns(const std::string& directory, const std::string& name) {
  TRY_ASSIGN(std::string path, take_name(directory, name));
  Result<UniqueFd> made = unshare_netns();
  Result<> pinned = made ? pin_at(path, made->get()) : Result<>{};
  if (made && pinned) return made;
  unlink(path.c_str());
  TRY(pinned);
  return made;
}

Result<> pin_netns(const std::string& directory, const std::string& name, int netns) {
  TRY_ASSIGN(std::string path, take_name(directory, name));
  Result<> pinned = pin_at(path, netns);
  if (!pinned) unlink(path.c_str());
  return pinned;
}

Result<UniqueFd> open_netns(const std::string& directory, const std::string& name) {
  std::string path = join_path(directory, name);
  TRY_ASSIGN(UniqueFd file, open_file(path, O_RDONLY));
  // What make_netns() leaves when it is killed between the file and the mount.
  if (!is_namespace(file.get()))
    return fail(Kind::kNotFound, cat("network namespace ", quote(path), " is not pinned"));
  return file;
}

Result<> remove_netns(const std::string& directory, const std::string& name) {
  std::string path = join_path(directory, name);
  while (umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
  if (errno != EINVAL && errno != ENOENT)
    return fail_errno(errno, cat("unpin the network namespace ", quote(path)));
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, cat("remove ", quote(path)));
  return {};
}

Result<std::vector<std::string>> list_netns(const std::string& directory) {
  std::vector<std::string> out;
  std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(directory.c_str()), closedir);
  if (!entries && errno == ENOENT) return out;
  if (!entries) return fail_errno(errno, cat("list ", quote(directory)));
  while (const dirent* entry = readdir(entries.get()))
    if (entry->d_name[0] != '.') out.emplace_back(entry->d_name);
  return out;
}

}  // namespace shoji::net
