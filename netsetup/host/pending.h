#pragma once
// What a verb is about to make or to remove, on disk before it begins, and at the same time the lock of what it works on:
//
//   RUN/pending/PARTITION, RUN/pending/@NETWORK
//
// The file is locked (flock(2)) from the moment it has its name, and until its verb ends: one that is not locked was left
// by a kill. Whoever wants the name, or any verb that begins, clears what it says. An empty directory is the rule, so
// that looking costs the same with 10 and with 1,000 partitions.
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace shoji::net {

// Makes undone what the file `text` of a killed verb says.
using ClearPending = std::function<Result<>(const std::string& name, const std::string& text)>;

class Pending {
 public:
  // Waits for a verb that works on `name`. Errors of `clear` are returned.
  static Result<Pending> begin(const std::string& run, const std::string& name, std::string_view text,
                               const ClearPending& clear);
  Result<> append(std::string_view text);
  // The work is done: nothing is to be cleared.
  Result<> finish();
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  Pending(UniqueFd file, std::string path, std::string name)
      : file_(std::move(file)), path_(std::move(path)), name_(std::move(name)) {}
  UniqueFd file_;
  std::string path_, name_;
};

// Those that there are, of verbs at work and of killed ones.
Result<std::set<std::string>> pending_names(const std::string& run);
// Everything that killed verbs left.
Result<> clear_pending(const std::string& run, const ClearPending& clear);

}  // namespace shoji::net
