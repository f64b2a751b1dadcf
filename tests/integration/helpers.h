#pragma once
// Small things of the host that several subjects need.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "base/fd.h"
#include "tests/integration/bundle.h"
#include "tests/integration/process.h"

namespace shoji::test {

// The host's own namespace of a type, as /proc/self/ns shows it: "net:[4026531840]".
inline std::string own_namespace(const std::string& type) {
  char target[64] = "";
  ssize_t n = readlink(("/proc/self/ns/" + type).c_str(), target, sizeof target - 1);
  return {target, n > 0 ? static_cast<size_t>(n) : 0};
}

inline std::string namespace_of(pid_t pid, const std::string& type) {
  char target[64] = "";
  ssize_t n = readlink(("/proc/" + std::to_string(pid) + "/ns/" + type).c_str(), target, sizeof target - 1);
  return {target, n > 0 ? static_cast<size_t>(n) : 0};
}

// A mount made by the test; taken off with the object.
class HostMount {
 public:
  HostMount(const std::string& source, std::string target, const char* type, unsigned long flags,
            const char* data = nullptr)
      : target_(std::move(target)), made_(mount(source.c_str(), target_.c_str(), type, flags, data) == 0) {}
  ~HostMount() {
    if (made_) umount2(target_.c_str(), MNT_DETACH);
  }
  HostMount(const HostMount&) = delete;
  HostMount& operator=(const HostMount&) = delete;
  [[nodiscard]] bool made() const { return made_; }
  [[nodiscard]] const std::string& path() const { return target_; }

 private:
  std::string target_;
  bool made_;
};

}  // namespace shoji::test
