#pragma once
// The tar of a root filesystem, looked through: what its members are, without what belongs to one machine, so that two
// builds of the same packages can be told to be the same, and a root from the one below it.
#include <map>
#include <string>
#include <vector>

#include "images/tar/tar_reader.h"

namespace shoji::images {

// Where the versions of a root's packages are written down.
inline constexpr std::string_view kPackageList = "usr/share/shoji/packages";

struct RootMember {
  EntryType type = EntryType::kFile;
  std::string facts;    // everything but time and content, as one comparable text
  std::string content;  // digest of a file's bytes and extents
  std::string link;     // of a hard link: the clean path of its target
  int64_t mtime = 0;
};

struct RootTree {
  std::map<std::string, RootMember> members;  // by clean path
  int64_t packages_time = 0;  // of the newest package: what the root was made of, not when; 0: no database
  int64_t files_time = 0;     // of the newest file that is not from the build itself
  std::vector<std::string> packages;  // "name version architecture", sorted
};

// When a root was built, in seconds. Files have the time of their package; one from the build gets `epoch`.
struct BuildTimes {
  int64_t started = 0, ended = 0, epoch = 0;
  [[nodiscard]] bool during(int64_t mtime) const { return mtime >= started && mtime <= ended; }
  [[nodiscard]] int64_t of(int64_t mtime) const { return mtime > epoch || during(mtime) ? epoch : mtime; }
};

// What is left out of a root, besides `remove` (Template::remove): files that a machine or a moment makes.
bool left_out(std::string_view path, const std::vector<std::string>& remove);

// `times`: of the build, whose epoch is not known yet.
Result<RootTree> scan_root(ByteSource& tar, const UnpackLimits& limits,
                           const std::vector<std::string>& remove, const BuildTimes& times);

}  // namespace shoji::images
