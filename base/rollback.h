#pragma once
// A stack of undo actions that runs, last first, unless commit() was called.
#include <functional>
#include <utility>
#include <vector>

namespace shoji {

class Rollback {
 public:
  Rollback() = default;
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;
  ~Rollback() {
    while (!actions_.empty()) {
      auto action = std::move(actions_.back());
      actions_.pop_back();
      action();
    }
  }
  void add(std::move_only_function<void()> action) { actions_.push_back(std::move(action)); }
  void commit() { actions_.clear(); }

 private:
  std::vector<std::move_only_function<void()>> actions_;
};

}  // namespace shoji
