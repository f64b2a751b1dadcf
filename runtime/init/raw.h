#pragma once
// Typed system calls for the walker: async-signal-safe, no libc, no errno variable.
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "runtime/init/raw_x86_64.h"

namespace shoji::raw {

template <typename T>
long word(T* pointer) {
  return reinterpret_cast<long>(pointer);
}
inline long word(decltype(nullptr) /*none*/) {
  return 0;
}
template <typename T>
long word(T value) {
  return static_cast<long>(value);
}

template <typename... Args>
long call(long number, Args... args) {
  long words[6] = {word(args)...};
  return call6(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}
inline long call(long number) {
  return call6(number, 0, 0, 0, 0, 0, 0);
}

inline long close(long fd) {
  return call(SYS_close, fd);
}
inline long openat(int dir, const char* path, int flags, unsigned mode = 0) {
  return call(SYS_openat, dir, path, flags, mode);
}
inline long write(int fd, const void* data, size_t size) {
  return call(SYS_write, fd, data, size);
}
inline long read(int fd, void* data, size_t size) {
  return call(SYS_read, fd, data, size);
}
[[noreturn]] inline void exit_group(int status) {
  for (;;) call(SYS_exit_group, status);
}

}  // namespace shoji::raw
