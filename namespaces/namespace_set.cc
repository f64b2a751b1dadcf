#include "namespaces/namespace_set.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/io.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace shoji {
namespace {

constexpr NamespaceKind kKinds[] = {
    {"user", CLONE_NEWUSER, "user"},       {"mount", CLONE_NEWNS, "mnt"},    {"uts", CLONE_NEWUTS, "uts"},
    {"ipc", CLONE_NEWIPC, "ipc"},          {"network", CLONE_NEWNET, "net"}, {"pid", CLONE_NEWPID, "pid"},
    {"cgroup", CLONE_NEWCGROUP, "cgroup"}, {"time", CLONE_NEWTIME, "time"},
};

// Two namespaces are the same one when their files are (namespaces(7)).
bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

Result<bool> is_own(const NamespaceKind& kind, int fd) {
  struct stat joined{};
  struct stat own{};
  if (fstat(fd, &joined) != 0) return fail_errno(errno, cat("inspect the ", kind.name, " namespace"));
  std::string path = cat("/proc/self/ns/", kind.file);
  if (stat(path.c_str(), &own) != 0) return fail_errno(errno, cat("inspect ", quote(path)));
  return same_file(joined, own);
}

// A missing file below /proc/self/ns means that the kernel was built without this kind of namespace.
Result<> check_kernel_has(const NamespaceKind& kind) {
  std::string path = cat("/proc/self/ns/", kind.file);
  struct stat st{};
  if (stat(path.c_str(), &st) == 0) return {};
  if (errno == ENOENT) return fail(Kind::kUnsupported, cat("this kernel has no ", kind.name, " namespaces"));
  return fail_errno(errno, cat("inspect ", quote(path)));
}

Result<UniqueFd> open_joined(const NamespaceKind& kind, const std::string& path) {
  auto opened = open_file(path, O_RDONLY);
  if (!opened) return std::unexpected(within(cat("join the ", kind.name, " namespace"), opened.error()));
  int type = ioctl(opened->get(), NS_GET_NSTYPE);
  if (type < 0)
    return fail(Kind::kInvalid,
                cat("join the ", kind.name, " namespace: ", quote(path), " is not a namespace"));
  if (static_cast<uint64_t>(type) != kind.clone_flag)
    return fail(Kind::kInvalid,
                cat("join the ", kind.name, " namespace: ", quote(path), " is of another type"));
  return std::move(*opened);
}

}  // namespace

std::span<const NamespaceKind> namespace_kinds() {
  return kKinds;
}

const NamespaceKind* find_namespace_kind(std::string_view name) {
  const auto* row = std::ranges::find(kKinds, name, &NamespaceKind::name);
  return row == std::end(kKinds) ? nullptr : row;
}

Result<NamespaceSet> NamespaceSet::open(const Spec& spec) {
  NamespaceSet set;
  for (const auto& kind : kKinds) {
    const auto& wanted = spec.linux.namespaces;
    auto row = std::ranges::find(wanted, kind.name, &Namespace::type);
    if (row == wanted.end()) continue;
    if (row->path.empty()) {
      // Only the two that came late can be missing from a kernel that has the rest (Linux 4.6, 5.6).
      if (kind.clone_flag == CLONE_NEWTIME || kind.clone_flag == CLONE_NEWCGROUP) TRY(check_kernel_has(kind));
      set.created_ |= kind.clone_flag;
      continue;
    }
    TRY_ASSIGN(UniqueFd fd, open_joined(kind, row->path));
    TRY_ASSIGN(bool own, is_own(kind, fd.get()));
    if (!own) set.joined_.push_back({kind.clone_flag, row->path, std::move(fd)});
  }
  return set;
}

int NamespaceSet::joined_fd(uint64_t clone_flag) const {
  auto row = std::ranges::find(joined_, clone_flag, &Joined::clone_flag);
  return row == joined_.end() ? -1 : row->fd.get();
}

std::vector<UniqueFd> NamespaceSet::release() {
  std::vector<UniqueFd> out;
  for (Joined& joined : joined_) out.push_back(std::move(joined.fd));
  joined_.clear();
  return out;
}

}  // namespace shoji
