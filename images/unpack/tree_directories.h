#pragma once
// The directories of a tree that is being unpacked: found without leaving it, and finished after everything in them.
#include <sys/stat.h>

#include <array>
#include <map>
#include <string>

#include "base/fd.h"
#include "images/unpack/layer_sink.h"

namespace shoji::images {

// A name in a directory of the tree.
struct TreePlace {
  int dir = -1;  // O_PATH; good until some more places were asked for
  std::string name;
  const std::string* path = nullptr;  // for messages
  [[nodiscard]] Failure bad(int err, std::string_view what) const;
  [[nodiscard]] Failure refuse(std::string_view why) const;
};

bool is_whiteout(const struct stat& st);

// Members are made with the process' own identity, and with modes that its umask cuts: what then differs from the
// archive is set. Directories of the tree are our own and have no set-group-ID bit and no default ACL until the end, so
// that nothing is inherited.
struct TreeIdentity {
  uid_t uid = 0;
  gid_t gid = 0;
  mode_t umask = 0;
  static Result<TreeIdentity> current();
  [[nodiscard]] bool owns(const TarEntry& entry) const { return entry.uid == uid && entry.gid == gid; }
};

class TreeDirectories {
 public:
  TreeDirectories(UniqueFd root, const UnpackLimits& limits, const TreeIdentity& identity)
      : root_(std::move(root)), limits_(limits), identity_(identity) {}

  [[nodiscard]] int root() const { return root_.get(); }
  // Where a member belongs; directories above it that are missing are made. `path` is clean, not empty, and outlives
  // what is returned.
  Result<TreePlace> place(const std::string& path);
  // The same for something that has to be there.
  Result<TreePlace> find(const std::string& path);
  // A directory as the archive says it. One that is there stays with what is in it; a whiteout there makes it opaque.
  Result<> make(const std::string& path, const TarEntry& entry);
  Result<> make_opaque(const std::string& path);
  // Removes what is there, directories with everything in them.
  Result<> clear(const TreePlace& place);
  // Owners, modes, default ACLs, opaqueness and times.
  Result<> finish();

 private:
  struct Directory {
    uid_t uid = 0;
    gid_t gid = 0;
    mode_t mode = 0755;  // as it is to be
    mode_t made = 0700;  // as it is
    int64_t mtime = 0;
    uint32_t mtime_ns = 0;
    bool opaque = false;
    bool has_xattrs = false;
    std::string default_acl;
  };
  struct Open {
    std::string path;
    UniqueFd fd;
    uint64_t used = 0;
  };

  Result<int> open_directory(const std::string& path, bool make_missing);
  Result<> make_parents(const std::string& path);
  Result<Directory*> ensure(const TreePlace& place, mode_t mode);
  Result<> set_xattrs(const TreePlace& place, Directory& directory, const TarEntry& entry);
  Result<> finish_one(const TreePlace& place, const Directory& directory) const;
  void forget(const std::string& path);

  UniqueFd root_;
  UnpackLimits limits_;
  TreeIdentity identity_;
  std::map<std::string, Directory, std::less<>> directories_;
  uint64_t path_bytes_ = 0, deferred_bytes_ = 0;
  // Archives go through a tree directory by directory, so few are enough.
  std::array<Open, 16> open_;
  uint64_t clock_ = 0;
};

}  // namespace shoji::images
