#pragma once
// Writable roots: an image below, an upper directory of its own above (overlayfs), with snapshots.
//
//   STORE/roots/NAME/               locked (flock(2)) by whoever changes the root
//   STORE/roots/NAME/facts.json     image, layers, options, snapshots
//   STORE/roots/NAME/disk/          what the quota holds: upper/ work/, and frozen/ of a root with a quota
//   STORE/roots/NAME/merged         mount point of `mount`, unless another is given
//   STORE/frozen/ID/                tree/: an upper that became a layer; roots/NAME: an empty file for each root that uses it
//
// The uppers of roots without a quota are frozen outside of the root, so that clones share them. Those of a root with one
// stay in its disk: what a partition keeps counts against its limit, and a rename(2) out of a project, a subvolume or a
// loop image is a copy anyway.
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "images/quota/quota.h"
#include "images/store/store.h"

namespace shoji::images {

// One line of an id map: as in /proc/PID/uid_map.
struct IdRange {
  uint32_t inside = 0, outside = 0, count = 0;
};

struct RootOptions {
  bool read_only = false;       // no upper at all
  bool volatile_upper = false;  // thrown away at unmount; overlayfs' "volatile": no sync
  bool userxattr = false;
  uint64_t quota_bytes = 0, quota_inodes = 0;  // 0: none
  std::string labels{};                        // free text for who made it
};

struct Snapshot {
  std::string name;
  int64_t created = 0;              // seconds since the epoch
  std::vector<std::string> frozen;  // all that is on top of the image then, lowest first
};

struct Root {
  std::string name;
  std::string image;  // as it was asked for
  Digest config;      // of the image
  LayerFormat format = LayerFormat::kTree;
  std::vector<Digest> diff_ids;
  RootOptions options;
  std::vector<std::string> frozen;  // ids of frozen uppers, lowest first
  std::vector<Snapshot> snapshots;  // oldest first
  std::string mounted_at;           // derived: empty when it is not mounted
};

// `image` is prepared (prepare_image). Names: [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 128.
Result<Root> create_root(const Store& store, std::string_view name, std::string_view image_text,
                         const Image& image, const RootOptions& options);
Result<Root> find_root(const Store& store, std::string_view name);
Result<std::vector<Root>> list_roots(const Store& store);
// Unmounts it too. Works on a half-made one; an absent one is kNotFound.
Result<> remove_root(const Store& store, std::string_view name);
// What is used of a root's limit; QuotaKind::kNone: it was made without one.
Result<QuotaUsage> root_usage(const Store& store, const Root& root);
// kState when it was made without a limit. May be mounted meanwhile.
Result<> set_root_quota(const Store& store, std::string_view name, const QuotaLimits& limits);
// Finishes or undoes what killed verbs left, of every root that nobody works on. Each verb does that for its own root.
// Returns how many.
Result<uint64_t> clean_roots(const Store& store);

struct MountOptions {
  std::vector<IdRange> uids, gids;  // shift: every layer and the upper by idmapped mounts; nothing is chowned
  bool force_legacy = false;        // mount(2) instead of the new mount API; for tests
};
// The mounted overlay as a detached mount (fsmount(2)): move_mount(2) puts it in place. A number of mounts that does not
// depend on the number of layers.
Result<UniqueFd> open_root(const Store& store, const Root& root, const MountOptions& options);
Result<> mount_root(const Store& store, const Root& root, const std::string& target,
                    const MountOptions& options);
Result<> unmount_root(const Store& store, const Root& root);
// The root of an image, read-only, without making a Root.
Result<UniqueFd> open_image(const Store& store, const Image& image, LayerFormat format,
                            const MountOptions& options);

// Freezes the upper (a rename when it is not mounted, a reflinked or plain copy when it is) under a name.
Result<> snapshot_root(const Store& store, std::string_view name, std::string_view snapshot);
// The root is as it was at the snapshot; what came later is gone. Not while it is mounted (kState).
Result<> rollback_root(const Store& store, std::string_view name, std::string_view snapshot);
Result<> remove_snapshot(const Store& store, std::string_view name, std::string_view snapshot);
// A root that starts where `from` is now; they share everything until one of them writes.
Result<Root> clone_root(const Store& store, std::string_view from, std::string_view to);

// Differences of the root to its image, in path order, as an OCI changeset.
enum class ChangeKind : char { kAdded = 'A', kModified = 'C', kDeleted = 'D' };
struct Change {
  ChangeKind kind;
  std::string path;  // absolute
};
Result<std::vector<Change>> diff_root(const Store& store, const Root& root);

}  // namespace shoji::images
