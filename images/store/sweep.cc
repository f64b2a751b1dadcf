// Mark and sweep. Everything is decided and taken away under sweep.lock; what takes long to remove is moved to tmp/
// first and removed after the lock.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/io.h"
#include "images/erofs/layer_index.h"
#include "images/store/disk_use.h"
#include "images/store/durable.h"
#include "images/store/mark.h"
#include "images/store/names.h"
#include "images/store/scratch.h"

namespace shoji::images {

namespace {

class Sweeper {
 public:
  Sweeper(const Store& store, const SweepOptions& options) : store_(&store), options_(&options) {}

  Result<> mark();
  Result<> remove_names();
  Result<> sweep_blobs();
  Result<> sweep_layers(const std::string& trash);
  Result<> sweep_objects();
  Result<> sweep_unified();
  Result<> sweep_partial();
  Result<> sweep_temporary();
  Result<> remove_leftovers();  // without the lock
  Swept take() {
    swept_.bytes = use_.bytes();
    return std::move(swept_);
  }

 private:
  Result<bool> is_kept(const NamedImage& image);
  Result<> mark_unnamed_images_of_roots();
  [[nodiscard]] bool is_recent(const std::string& name) const;
  Result<> remove_file(const std::string& name, uint64_t& counter);
  Result<> mark_objects(ObjectMarks& objects);

  const Store* store_;
  const SweepOptions* options_;
  Marks marks_;
  std::set<Digest> roots_;
  Leases leases_;
  std::vector<std::string> doomed_names_;
  std::vector<std::pair<std::string, UniqueFd>> leftovers_;  // in tmp/, with their locks
  bool unpacking_ = false;
  DiskUse use_;
  Swept swept_;
};

// With `all` an image stays when a root or a running verb uses it.
Result<bool> Sweeper::is_kept(const NamedImage& image) {
  if (!options_->all) return true;
  if (leases_.held.contains(image.target.digest)) return true;
  Marks reached;
  TRY(mark_image(*store_, image.target, reached));
  return std::ranges::any_of(reached.configs, [&](const Digest& config) {
    return roots_.contains(config) || leases_.held.contains(config);
  });
}

Result<> Sweeper::mark() {
  TRY_ASSIGN(roots_, digests_of_roots(*store_));
  TRY_ASSIGN(leases_, read_leases(*store_));
  TRY_ASSIGN(auto names, list_names(*store_));
  for (const NamedImage& image : names) {
    std::string file = cat("names/", name_file(image.name));
    TRY_ASSIGN(bool kept, is_kept(image));
    bool own = faccessat(store_->dir(), file.c_str(), F_OK, 0) == 0;
    if (kept || !own) {
      TRY(mark_image(*store_, image.target, marks_));
    } else {
      doomed_names_.push_back(file);
      swept_.names.push_back(image.name.text());
    }
  }
  for (const Digest& digest : leases_.held) TRY(mark_anything(*store_, digest, marks_));
  TRY(mark_unnamed_images_of_roots());
  for (const Digest& digest : roots_) TRY(mark_anything(*store_, digest, marks_));
  return {};
}

// A root knows its configuration. The manifest above it stays as well, so that the root can be committed and pushed.
Result<> Sweeper::mark_unnamed_images_of_roots() {
  if (std::ranges::all_of(roots_, [&](const Digest& digest) { return marks_.has(digest); })) return {};
  for (const char* algorithm : {"sha256", "sha512"}) {
    TRY_ASSIGN(auto blobs, list_directory(store_->dir(), cat("blobs/", algorithm)));
    for (const std::string& hex : blobs) {
      auto digest = Digest::parse(cat(algorithm, ':', hex));
      struct stat st{};
      if (!digest || marks_.has(*digest)) continue;
      if (fstatat(store_->dir(), cat("blobs/", algorithm, '/', hex).c_str(), &st, 0) != 0) continue;
      if (static_cast<size_t>(st.st_size) > kManifestLimit) continue;
      TRY_ASSIGN(std::string text, read_blob(*store_, *digest, kManifestLimit));
      if (!text.starts_with('{')) continue;
      auto any = parse_manifest(text, "");
      const Manifest* manifest = any ? std::get_if<Manifest>(&*any) : nullptr;
      if (manifest != nullptr && roots_.contains(manifest->config.digest))
        TRY(mark_anything(*store_, *digest, marks_));
    }
  }
  return {};
}

// A rename(2) changes ctime. The margin is for clocks that are set.
bool Sweeper::is_recent(const std::string& name) const {
  constexpr int64_t kMargin = 600;
  struct stat st{};
  return leases_.oldest && fstatat(store_->dir(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
         st.st_ctim.tv_sec >= *leases_.oldest - kMargin;
}

Result<> Sweeper::remove_file(const std::string& name, uint64_t& counter) {
  TRY(use_.add(store_->dir(), name));
  ++counter;
  if (options_->dry_run) return {};
  if (unlinkat(store_->dir(), name.c_str(), 0) != 0 && errno != ENOENT)
    return fail_errno(errno, cat("remove ", quote(name)));
  return {};
}

// Before the blobs: a name whose blobs are gone would be a broken image.
Result<> Sweeper::remove_names() {
  uint64_t count = 0;
  for (const std::string& file : doomed_names_) TRY(remove_file(file, count));
  return options_->dry_run || doomed_names_.empty() ? Result<>() : sync_directory(*store_, "names");
}

Result<> Sweeper::sweep_blobs() {
  for (const char* algorithm : {"sha256", "sha512"}) {
    std::string directory = cat("blobs/", algorithm);
    TRY_ASSIGN(auto blobs, list_directory(store_->dir(), directory));
    for (const std::string& hex : blobs) {
      auto digest = Digest::parse(cat(algorithm, ':', hex));
      std::string path = cat(directory, '/', hex);
      if (digest && !marks_.has(*digest) && !is_recent(path)) TRY(remove_file(path, swept_.blobs));
    }
  }
  return {};
}

Result<> Sweeper::sweep_layers(const std::string& trash) {
  for (const char* directory : {"layers", "composed"}) {
    TRY_ASSIGN(auto names, list_directory(store_->dir(), directory));
    for (const std::string& name : names) {
      auto digest = Digest::parse_file_name(name);
      std::string path = cat(directory, '/', name), to = cat(trash, '/', directory, '-', name);
      if (!digest || marks_.has(*digest) || is_recent(path)) continue;
      TRY(use_.add(store_->dir(), path));
      ++swept_.layers;
      if (!options_->dry_run && renameat(store_->dir(), path.c_str(), AT_FDCWD, to.c_str()) != 0)
        return fail_errno(errno, cat("rename ", quote(path), " to ", quote(to)));
    }
  }
  return {};
}

Result<> Sweeper::mark_objects(ObjectMarks& objects) {
  TRY_ASSIGN(auto layers, list_directory(store_->dir(), "layers"));
  for (const std::string& layer : layers) {
    auto digest = Digest::parse_file_name(layer);
    if (options_->dry_run && digest && !marks_.has(*digest)) continue;  // otherwise it is moved away by now
    std::string path = cat("layers/", layer, "/index");
    UniqueFd index(openat(store_->dir(), path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!index && errno == ENOENT) continue;  // a tree
    if (!index) return fail_errno(errno, cat("open ", quote(path)));
    auto read =
        read_layer_objects(index.get(), [&](std::string_view hex, uint64_t /*size*/) { objects.add(hex); });
    if (!read) return Failure(within(path, std::move(read).error()));
  }
  objects.sort();
  return {};
}

// A layer that is being unpacked has no index yet, so that its objects cannot be told from garbage: they stay all then.
Result<> Sweeper::sweep_objects() {
  if (unpacking_) return {};
  ObjectMarks objects;
  TRY(mark_objects(objects));
  TRY_ASSIGN(auto directories, list_directory(store_->dir(), "objects"));
  for (const std::string& directory : directories) {
    if (directory.size() != 2) continue;
    TRY_ASSIGN(auto names, list_directory(store_->dir(), cat("objects/", directory)));
    for (const std::string& name : names)
      if (!objects.has(name)) TRY(remove_file(cat("objects/", directory, '/', name), swept_.objects));
  }
  return {};
}

// Common files of trees whose other names are all gone, and the marks of images that are (images/unify/unify.h). Whoever
// takes such a file at this moment has it all the same; only the next one does not find it.
Result<> Sweeper::sweep_unified() {
  TRY_ASSIGN(auto images, list_directory(store_->dir(), "unify/images"));
  uint64_t marks = 0;
  for (const std::string& name : images) {
    auto config = Digest::parse_file_name(name);
    if (!config || !marks_.has(*config)) TRY(remove_file(cat("unify/images/", name), marks));
  }
  TRY_ASSIGN(auto directories, list_directory(store_->dir(), "unify/files"));
  for (const std::string& directory : directories) {
    TRY_ASSIGN(auto names, list_directory(store_->dir(), cat("unify/files/", directory)));
    for (const std::string& name : names) {
      std::string path = cat("unify/files/", directory, '/', name);
      struct stat st{};
      if (fstatat(store_->dir(), path.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && use_.is_last_name(st))
        TRY(remove_file(path, swept_.objects));
    }
  }
  return {};
}

Result<> Sweeper::sweep_partial() {
  TRY_ASSIGN(auto names, list_directory(store_->dir(), "partial"));
  for (const std::string& name : names) {
    std::string path = cat("partial/", name);
    auto lock = lock_at(store_->dir(), path, LOCK_EX | LOCK_NB);
    if (!lock && lock.error().kind == Kind::kState) continue;  // somebody writes it
    if (!lock) return Failure(std::move(lock).error());
    TRY(remove_file(path, swept_.temporary));
  }
  for (const std::string& lease : leases_.dead) TRY(remove_file(cat("leases/", lease), swept_.temporary));
  return {};
}

Result<> Sweeper::sweep_temporary() {
  TRY_ASSIGN(auto names, list_directory(store_->dir(), "tmp"));
  for (std::string& name : names) {
    std::string path = cat("tmp/", name);
    UniqueFd fd(openat(store_->dir(), path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd && errno == ENOENT) continue;
    if (fd && flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      struct stat st{};
      unpacking_ =
          unpacking_ || (fstat(fd.get(), &st) == 0 && S_ISDIR(st.st_mode) && !name.starts_with("sweep."));
      continue;
    }
    TRY(use_.add(store_->dir(), path));
    ++swept_.temporary;
    leftovers_.emplace_back(std::move(path), std::move(fd));
  }
  return {};
}

Result<> Sweeper::remove_leftovers() {
  if (options_->dry_run) return {};
  for (const auto& [path, lock] : leftovers_) TRY(remove_tree(cat(store_->path(), '/', path)));
  return {};
}

Result<> sweep_locked(const Store& store, Sweeper& sweeper, const std::string& trash) {
  TRY_ASSIGN(UniqueFd lock, lock_at(store.dir(), "sweep.lock", LOCK_EX));
  TRY(sweeper.mark());
  TRY(sweeper.remove_names());
  TRY(sweeper.sweep_blobs());
  TRY(sweeper.sweep_layers(trash));
  TRY(sweeper.sweep_temporary());
  TRY(sweeper.sweep_objects());
  TRY(sweeper.sweep_unified());
  return sweeper.sweep_partial();
}

}  // namespace

Result<Swept> sweep(const Store& store, const SweepOptions& options) {
  Sweeper sweeper(store, options);
  {
    TRY_ASSIGN(Scratch trash, Scratch::make_directory(store, "sweep"));
    TRY(sweep_locked(store, sweeper, trash.path()));
  }
  TRY(sweeper.remove_leftovers());
  if (!options.dry_run) {
    TRY_ASSIGN(FileLock lock, FileLock::acquire(store.dir(), "index.lock"));
    TRY(derive_index(store));
  }
  return sweeper.take();
}

}  // namespace shoji::images
