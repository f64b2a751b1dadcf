#include "images/unify/file_look.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/io.h"

namespace shoji::images {

namespace {

constexpr size_t kEnd = 4096;         // bytes of the head and the tail in the key
constexpr size_t kChunk = 128 << 10;  // bytes read at once

// Two 64-bit lanes of multiply and shift. Equal keys only lead to a comparison, so that it need not be
// cryptographic.
class KeyHash {
 public:
  void add(std::string_view bytes) {
    add(bytes.size());
    while (!bytes.empty()) {
      uint64_t word = 0;
      size_t n = std::min(bytes.size(), sizeof word);
      memcpy(&word, bytes.data(), n);
      add(word);
      bytes.remove_prefix(n);
    }
  }
  void add(uint64_t word) {
    a_ = (a_ ^ word) * 0x9e3779b97f4a7c15U;
    a_ ^= a_ >> 32;
    b_ = (b_ + word) * 0xbf58476d1ce4e5b9U;
    b_ ^= b_ >> 29;
  }
  [[nodiscard]] std::string hex() const {
    constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    for (uint64_t lane : {a_, b_})
      for (int shift = 60; shift >= 0; shift -= 4) out += kHex[(lane >> shift) & 15];
    return out;
  }

 private:
  uint64_t a_ = 1, b_ = 2;
};

Result<size_t> read_at(int fd, char* into, size_t size, uint64_t offset) {
  size_t done = 0;
  while (done < size) {
    ssize_t n = pread(fd, into + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(errno, "read a file of a layer");
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

// Files mostly have none or few: what is longer is asked for again with the kernel's limit (xattr(7)).
template <typename Ask>
Result<std::string> ask_xattr(const Ask& ask, std::string_view sentence) {
  constexpr size_t kLimit = 64 << 10;
  char few[256];
  ssize_t size = ask(few, sizeof few);
  if (size >= 0) return std::string(few, static_cast<size_t>(size));
  if (errno == ENOTSUP) return std::string();
  if (errno != ERANGE) return fail_errno(errno, sentence);
  std::string many(kLimit, '\0');
  size = ask(many.data(), many.size());
  if (size < 0) return fail_errno(errno, sentence);
  many.resize(static_cast<size_t>(size));
  return many;
}

Result<> read_xattrs(int fd, std::map<std::string, std::string>& out) {
  TRY_ASSIGN(std::string names, ask_xattr([&](char* to, size_t size) { return flistxattr(fd, to, size); },
                                          "list the xattrs of a file of a layer"));
  for (const char* name = names.c_str(); name < names.c_str() + names.size(); name += strlen(name) + 1) {
    TRY_ASSIGN(out[name], ask_xattr([&](char* to, size_t size) { return fgetxattr(fd, name, to, size); },
                                    cat("read xattr ", quote(name), " of a file of a layer")));
  }
  return {};
}

Result<std::string> key_of(const FileLook& look) {
  KeyHash hash;
  const struct stat& st = look.st;
  for (uint64_t word :
       {static_cast<uint64_t>(st.st_size), uint64_t{st.st_mode}, uint64_t{st.st_uid}, uint64_t{st.st_gid},
        static_cast<uint64_t>(st.st_mtim.tv_sec), static_cast<uint64_t>(st.st_mtim.tv_nsec)})
    hash.add(word);
  for (const auto& [name, value] : look.xattrs) {
    hash.add(name);
    hash.add(value);
  }
  char end[kEnd];
  TRY_ASSIGN(size_t head, read_at(look.fd.get(), end, kEnd, 0));
  hash.add(std::string_view(end, head));
  auto size = static_cast<uint64_t>(st.st_size);
  if (size > kEnd) {
    TRY_ASSIGN(size_t tail, read_at(look.fd.get(), end, kEnd, size - kEnd));
    hash.add(std::string_view(end, tail));
  }
  return hash.hex();
}

// Data only: holes stay holes (lseek(2), SEEK_DATA).
Result<> copy_data(int from, int to, uint64_t size) {
  if (ioctl(to, FICLONE, from) == 0) return {};
  std::string chunk(kChunk, '\0');
  for (uint64_t at = 0; at < size;) {
    off_t data = lseek(from, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;
    if (data < 0) return fail_errno(errno, "seek in a file of a layer");
    off_t hole = lseek(from, data, SEEK_HOLE);
    if (hole < 0) return fail_errno(errno, "seek in a file of a layer");
    if (lseek(to, data, SEEK_SET) < 0) return fail_errno(errno, "seek in a copy of a file of a layer");
    for (at = static_cast<uint64_t>(data); at < static_cast<uint64_t>(hole);) {
      TRY_ASSIGN(size_t got, read_at(from, chunk.data(),
                                     std::min<uint64_t>(kChunk, static_cast<uint64_t>(hole) - at), at));
      if (got == 0) return fail(Kind::kState, "a file of a layer became shorter");
      TRY(write_all(to, std::string_view(chunk).substr(0, got), "a copy of a file of a layer"));
      at += got;
    }
  }
  if (ftruncate(to, static_cast<off_t>(size)) != 0)
    return fail_errno(errno, "truncate a copy of a file of a layer");
  return {};
}

}  // namespace

Result<FileLook> look_at_file(int dir, const std::string& name) {
  FileLook look;
  // Never a FIFO or a device: O_NONBLOCK does not wait for a writer, and what is no file is closed at once.
  TRY_ASSIGN(look.fd, open_at(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (fstat(look.fd.get(), &look.st) != 0) return fail_errno(errno, cat("inspect ", quote(name)));
  if (!S_ISREG(look.st.st_mode)) return fail(Kind::kInvalid, cat(quote(name), " is not a regular file"));
  TRY(read_xattrs(look.fd.get(), look.xattrs));
  TRY_ASSIGN(look.key, key_of(look));
  return look;
}

Result<bool> are_equal(const FileLook& a, const FileLook& b) {
  const struct stat &x = a.st, &y = b.st;
  if (x.st_size != y.st_size || x.st_mode != y.st_mode || x.st_uid != y.st_uid || x.st_gid != y.st_gid ||
      x.st_mtim.tv_sec != y.st_mtim.tv_sec || x.st_mtim.tv_nsec != y.st_mtim.tv_nsec || a.xattrs != b.xattrs)
    return false;
  size_t chunk = std::min(kChunk, static_cast<size_t>(x.st_size) + 1);
  std::string one(chunk, '\0'), two(chunk, '\0');
  for (uint64_t at = 0;;) {
    TRY_ASSIGN(size_t n, read_at(a.fd.get(), one.data(), chunk, at));
    TRY_ASSIGN(size_t m, read_at(b.fd.get(), two.data(), chunk, at));
    if (n != m || memcmp(one.data(), two.data(), n) != 0) return false;
    if (n == 0) return true;
    at += n;
  }
}

Result<> copy_file(const FileLook& from, int to_dir, const std::string& to) {
  const struct stat& st = from.st;
  TRY_ASSIGN(UniqueFd fd, open_at(to_dir, to, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  TRY(copy_data(from.fd.get(), fd.get(), static_cast<uint64_t>(st.st_size)));
  // Owner first: chown(2) clears set-id bits and security.capability.
  if (fchown(fd.get(), st.st_uid, st.st_gid) != 0 || fchmod(fd.get(), st.st_mode & 07777) != 0)
    return fail_errno(errno, "change owner and mode of a copy of a file of a layer");
  for (const auto& [name, value] : from.xattrs)
    if (fsetxattr(fd.get(), name.c_str(), value.data(), value.size(), 0) != 0)
      return fail_errno(errno, cat("set xattr ", quote(name), " of a copy of a file of a layer"));
  const timespec times[2] = {st.st_atim, st.st_mtim};
  if (futimens(fd.get(), times) != 0) return fail_errno(errno, "set times of a copy of a file of a layer");
  if (fsync(fd.get()) != 0) return fail_errno(errno, "write a copy of a file of a layer to disk");
  return {};
}

}  // namespace shoji::images
