#pragma once
// The lock of one service, which also says whether somebody died while holding it: RUN/services/NAME.lock is there only
// while the service is being changed, and has a byte in it from the first change on.
#include <optional>
#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace shoji::net {

class ServiceLock {
 public:
  // Waits for whoever has it.
  static Result<ServiceLock> acquire(const std::string& directory, const std::string& name);
  // nullopt when somebody has it.
  static Result<std::optional<ServiceLock>> try_acquire(const std::string& directory,
                                                        const std::string& name);
  ServiceLock(ServiceLock&& other) noexcept;
  ServiceLock& operator=(ServiceLock&&) = delete;
  ~ServiceLock();

  [[nodiscard]] const std::string& name() const { return name_; }
  // Something was begun and not finished, by us or by who was killed.
  [[nodiscard]] bool dirty() const { return dirty_; }
  Result<> begin();
  void finish() { dirty_ = false; }

 private:
  ServiceLock(std::string path, std::string name, UniqueFd fd, bool dirty)
      : path_(std::move(path)), name_(std::move(name)), fd_(std::move(fd)), dirty_(dirty) {}
  static Result<std::optional<ServiceLock>> lock(const std::string& directory, const std::string& name,
                                                 bool wait);
  std::string path_, name_;
  UniqueFd fd_;
  bool dirty_;
};

}  // namespace shoji::net
