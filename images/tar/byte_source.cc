#include "images/tar/byte_source.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace shoji::images {

Result<size_t> FdSource::read(std::span<char> into) {
  while (true) {
    ssize_t n = ::read(fd_, into.data(), into.size());
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EINTR) return fail_errno(errno, cat("read ", quote(name_)));
  }
}

Result<size_t> MemorySource::read(std::span<char> into) {
  size_t n = std::min(into.size(), bytes_.size());
  std::copy_n(bytes_.data(), n, into.data());
  bytes_ = bytes_.subspan(n);
  return n;
}

}  // namespace shoji::images
