// Resolution and creation of paths below the container's root. Images are hostile: a symlink on the way may point
// anywhere, so that the kernel resolves (openat2(2), RESOLVE_IN_ROOT), never string joins (CVE-2019-19921, CVE-2021-30465,
// CVE-2025-52881).
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>

#include "runtime/init/freestanding.h"
#include "runtime/init/raw.h"
#include "runtime/init/walker.h"

namespace shoji {
namespace {

constexpr int kPathMax = 4096;
constexpr int kMaxLinks = 40;  // as the kernel's own limit (path_resolution(7))
constexpr int kMaxRaces =
    128;  // EAGAIN: something was renamed meanwhile (openat2(2)); bounded, so that nobody can hold us

// A path being worked on: `text` is replaced when a dangling link is met.
struct Work {
  char text[kPathMax];
  size_t length = 0;
};

size_t length_of(const char* text) {
  size_t n = 0;
  while (text[n] != '\0') ++n;
  return n;
}

bool assign(Work& work, const char* text) {
  work.length = length_of(text);
  if (work.length >= kPathMax) return false;
  copy_bytes(work.text, text, work.length + 1);
  return true;
}

// work = [link target, or directory + target] + rest
bool follow_link(Work& work, size_t component, size_t rest, const char* target, size_t target_length) {
  Work next;
  size_t prefix = target[0] == '/' ? 0 : component;
  size_t rest_length = work.length - rest;
  if (prefix + target_length + 1 + rest_length >= kPathMax) return false;
  copy_bytes(next.text, work.text, prefix);
  size_t n = prefix;
  copy_bytes(next.text + n, target, target_length);
  n += target_length;
  copy_bytes(next.text + n, work.text + rest, rest_length);
  n += rest_length;
  next.text[n] = '\0';
  next.length = n;
  work = next;
  return true;
}

// The end of the component that starts at or after `from`; begin is moved over slashes.
bool next_component(const Work& work, size_t& begin, size_t& end) {
  while (begin < work.length && work.text[begin] == '/') ++begin;
  if (begin >= work.length) return false;
  end = begin;
  while (end < work.length && work.text[end] != '/') ++end;
  return true;
}

bool last_component(const Work& work, size_t end) {
  while (end < work.length && work.text[end] == '/') ++end;
  return end >= work.length;
}

// Makes one missing entry `name` in `parent`.
long make_entry(int parent, const char* name, bool file) {
  if (!file) return raw::call(SYS_mkdirat, parent, name, 0755);
  long fd = raw::openat(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0755);
  if (fd >= 0) raw::close(fd);
  return fd < 0 ? fd : 0;
}

enum class Outcome { kMade, kLink, kError };

// The component is missing: either it is a dangling link (work is rewritten) or it is made.
Outcome supply(int parent, Work& work, size_t begin, size_t end, bool file, long& error) {
  char name[256];
  char target[kPathMax];
  if (end - begin >= sizeof name) {
    error = -ENAMETOOLONG;
    return Outcome::kError;
  }
  copy_bytes(name, work.text + begin, end - begin);
  name[end - begin] = '\0';
  long n = raw::call(SYS_readlinkat, parent, name, target, sizeof target - 1);
  if (n > 0) {
    if (follow_link(work, begin, end, target, static_cast<size_t>(n))) return Outcome::kLink;
    error = -ENAMETOOLONG;
    return Outcome::kError;
  }
  error = make_entry(parent, name, file);
  return error == 0 || error == -EEXIST ? Outcome::kMade : Outcome::kError;
}

// One pass over the components. 1: a link was substituted, start again; else 0 or an error. `parent` ends as the
// directory of the last component.
long walk_components(int root, Work& work, bool file) {
  size_t begin = 0;
  size_t end = 0;
  long parent = raw::call(SYS_dup, root);
  if (parent < 0) return parent;
  long result = 0;
  while (result == 0 && next_component(work, begin, end)) {
    char kept = work.text[end];
    work.text[end] = '\0';
    long fd = open_below(root, work.text, O_PATH);
    work.text[end] = kept;
    if (fd == -ENOENT) {
      Outcome outcome =
          supply(static_cast<int>(parent), work, begin, end, file && last_component(work, end), result);
      if (outcome == Outcome::kLink) result = 1;
      if (outcome == Outcome::kMade) result = 0;
      if (outcome == Outcome::kMade) {
        kept = work.text[end];
        work.text[end] = '\0';
        fd = open_below(root, work.text, O_PATH);
        work.text[end] = kept;
        if (fd < 0) result = fd;
      }
    } else if (fd < 0) {
      result = fd;
    }
    if (fd >= 0) {
      raw::close(parent);
      parent = fd;
    }
    begin = end;
  }
  raw::close(parent);
  return result;
}

// Cuts the last component off; its start in the caller's path is returned through `name`.
bool split_parent(Work& work, const char* path, const char** name) {
  size_t n = work.length;
  while (n > 0 && work.text[n - 1] == '/') --n;
  while (n > 0 && work.text[n - 1] != '/') --n;
  *name = path + n;
  work.text[n] = '\0';
  work.length = n;
  const char* last = *name;
  return last[0] != '\0' && !(last[0] == '.' && (last[1] == '\0' || (last[1] == '.' && last[2] == '\0')));
}

}  // namespace

long filesystem_magic(int fd) {
  long facts[32] = {};  // struct statfs begins with its type; the rest is space
  long result = raw::call(SYS_fstatfs, fd, facts);
  return result < 0 ? result : facts[0];
}

long open_below(int root, const char* path, uint64_t open_flags) {
  open_how how{};
  how.flags = open_flags | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const char* at = path[0] == '\0' ? "." : path;
  for (int i = 0; i < kMaxRaces; ++i) {
    long fd = raw::call(SYS_openat2, root, at, &how, sizeof how);
    if (fd != -EAGAIN) return fd;
  }
  return -EAGAIN;
}

long make_below(int root, const char* path, Make what, bool follow_last, const char** name) {
  uint64_t flags = O_PATH | (follow_last ? 0 : O_NOFOLLOW);
  if (what != Make::kParent) {
    long fd = open_below(root, path, flags);
    if (fd != -ENOENT) return fd;
  }
  Work work;
  if (!assign(work, path)) return -ENAMETOOLONG;
  if (what == Make::kParent) {
    if (!split_parent(work, path, name)) return -EINVAL;
    long fd = open_below(root, work.text, O_PATH | O_DIRECTORY);
    if (fd != -ENOENT) return fd;
  }
  for (int links = 0; links <= kMaxLinks; ++links) {
    long result = walk_components(root, work, what == Make::kFile);
    if (result < 0) return result;
    if (result == 0) return open_below(root, work.text, flags);
  }
  return -ELOOP;
}

}  // namespace shoji
