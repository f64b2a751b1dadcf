#pragma once
// The directory of a root in the store, locked: whoever holds it is the only one to change the root. A lock dies with
// its process, and the directory may be gone or another one by the time it is granted.
#include <string>
#include <string_view>

#include "images/roots/facts.h"

namespace shoji::images {

// kInvalid with what names may look like. `what`: "root", "snapshot".
Result<> check_name(std::string_view what, std::string_view name);
bool is_limited(const RootOptions& options);

class RootDir {
 public:
  // kMake: makes the directory if need be; kTry: kState when somebody else holds the lock. kNotFound when there is no such
  // root.
  enum class Lock : uint8_t { kWait, kMake, kTry };
  static Result<RootDir> lock(const Store& store, std::string_view name, Lock how = Lock::kWait);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string path(std::string_view member = "") const;  // absolute
  [[nodiscard]] std::string disk(std::string_view member = "") const;  // below disk/
  // kNotFound for a root that was never finished.
  Result<RootFacts> load() const;
  // Replaces the facts. `durable`: on disk when it returns, as what makes a layer of an upper must be.
  Result<> save(const RootFacts& facts, bool durable) const;
  // The same, but when the file `like` holds just these facts it gets one more name: facts are never changed in place, and
  // those of clones are equal. Not durable.
  Result<> save_like(const RootFacts& facts, const std::string& like) const;
  // From now on the root is one that is being removed. A rename(2) of the facts: to write them anew would wait for the disk.
  Result<> begin_removal() const;
  // Removes the directory, with its facts last. Whatever was mounted in it is gone before.
  Result<> remove() const;

 private:
  RootDir(std::string store_path, std::string name, UniqueFd fd)
      : store_path_(std::move(store_path)), name_(std::move(name)), fd_(std::move(fd)) {}
  std::string store_path_, name_;
  UniqueFd fd_;
};

// The facts without a lock: as they were at some moment.
Result<RootFacts> read_root_facts(const Store& store, const std::string& name);

// The frozen layers' directory, relative to the store: "frozen/ID/tree", or "roots/NAME/disk/frozen/ID/tree".
std::string frozen_path(const std::string& root, const std::string& id);
// Whether it lies on the root's own disk, where no other root finds it.
bool is_private_frozen(std::string_view id);

}  // namespace shoji::images
