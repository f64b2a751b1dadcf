#pragma once
// A private file or directory below tmp/. It is locked (flock(2)) as long as it is used, so that sweeping tells it from
// what a killed process left. What is put below tmp/ in another way may be swept at any moment. While a scratch directory
// lives, no object of objects/ is swept: a layer that is being unpacked into it needs those that no index names yet.
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace shoji::images {

class Store;

class Scratch {
 public:
  // `purpose` opens the name, for people.
  static Result<Scratch> make_file(const Store& store, std::string_view purpose);
  static Result<Scratch> make_directory(const Store& store, std::string_view purpose);

  [[nodiscard]] int fd() const { return fd_.get(); }               // of a directory: read-only
  [[nodiscard]] const std::string& path() const { return path_; }  // absolute

  // rename(2) to `name` below the store. kExists when a directory that is not empty is there; an existing file is
  // replaced. What is inside must be on disk before (fsync(2)); the directory entry is on disk after sync_directory().
  Result<> publish(const std::string& name);

  ~Scratch();  // removes it with all that is in it, unless it was published
  Scratch(Scratch&&) noexcept;
  Scratch& operator=(Scratch&&) noexcept;

 private:
  Scratch(const Store& store, std::string path, UniqueFd fd);
  static Result<Scratch> make(const Store& store, std::string_view purpose, bool directory);
  const Store* store_;
  std::string path_;
  UniqueFd fd_;
};

}  // namespace shoji::images
