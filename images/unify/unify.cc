#include "images/unify/unify.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include "base/io.h"
#include "images/store/durable.h"
#include "images/store/mark.h"
#include "images/store/scratch.h"
#include "images/unify/tree_links.h"

namespace shoji::images {

namespace {

constexpr int kVariants = 4;  // files that look the same, and differ in the middle

using Keys = std::set<std::string>;

// Decides which files of a layer get a common inode.
class LayerPlanner {
 public:
  LayerPlanner(const TreeLinks& links, const Keys& taken) : links_(&links), taken_(&taken) {}
  Result<LayerRecord> plan() {
    TRY(walk(links_->tree(), ""));
    return std::move(record_);
  }
  [[nodiscard]] uint64_t files() const { return files_; }

 private:
  Result<> walk(int dir, const std::string& path);
  Result<bool> add_file(int dir, const std::string& name, const std::string& path);

  const TreeLinks* links_;
  const Keys* taken_;  // by layers that share an image with this one
  Keys own_;
  LayerRecord record_;
  uint64_t files_ = 0;
};

Result<bool> LayerPlanner::add_file(int dir, const std::string& name, const std::string& path) {
  ++files_;
  TRY_ASSIGN(FileLook look, look_at_file(dir, name));
  for (int variant = 0; variant < kVariants; ++variant) {
    std::string key = cat(look.key, '.', variant);
    // It would share its inode with another file of the layer or of an image: it keeps its own.
    if (own_.contains(key) || taken_->contains(key)) return false;
    auto common = links_->common(key);
    if (!common && common.error().kind != Kind::kNotFound) return Failure(std::move(common).error());
    if (common) {
      TRY_ASSIGN(bool equal, are_equal(*common, look));
      if (!equal) continue;
    }
    own_.insert(key);
    record_.files.push_back({std::move(key), path});
    return true;
  }
  return false;
}

Result<> LayerPlanner::walk(int dir, const std::string& path) {
  struct stat own{};
  if (fstat(dir, &own) != 0) return fail_errno(errno, cat("inspect directory ", quote(path), " of a layer"));
  TRY_ASSIGN(auto members, list_directory(dir, "."));
  bool touched = false;
  for (const std::string& member : members) {
    struct stat st{};
    if (fstatat(dir, member.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
      return fail_errno(errno, cat("inspect ", quote(member), " of a layer"));
    std::string member_path = path.empty() ? member : cat(path, '/', member);
    if (S_ISDIR(st.st_mode)) {
      TRY_ASSIGN(UniqueFd fd, open_at(dir, member, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      TRY(walk(fd.get(), member_path));
    } else if (S_ISREG(st.st_mode) && st.st_size > 0 && st.st_nlink == 1) {
      // Hard links of the image's own keep their inode: all their names would have to change at once.
      TRY_ASSIGN(bool added, add_file(dir, member, member_path));
      touched = touched || added;
    }
  }
  if (touched)
    record_.directories.push_back({path, own.st_mtim.tv_sec, static_cast<uint32_t>(own.st_mtim.tv_nsec)});
  return {};
}

class Unifier {
 public:
  Unifier(const Store& store, int scratch) : store_(&store), scratch_(scratch) {}
  Result<> read_store();
  Result<> unify(const Image& image);
  [[nodiscard]] const Unified& counts() const { return counts_; }

 private:
  Result<> unify_layer(const Digest& diff_id);
  Result<Keys> taken_beside(const Digest& diff_id);
  Result<> separate_layers(const std::vector<Digest>& diff_ids);
  Result<> separate(const Digest& diff_id, LayerRecord record, const Keys& twice);
  [[nodiscard]] bool is_own_tree(const Digest& diff_id) const;

  const Store* store_;
  int scratch_;
  std::vector<std::vector<Digest>> stacks_;  // the layers of every image
  std::set<Digest> used_by_roots_;
  Unified counts_;
};

Result<> make_directory(const Store& store, const char* name) {
  if (mkdirat(store.dir(), name, 0700) != 0 && errno != EEXIST)
    return fail_errno(errno, cat("create directory ", quote(cat(store.path(), '/', name))));
  return {};
}

std::string mark_of(const Digest& config) {
  return cat("unify/images/", config.file_name());
}

bool is_done(const Store& store, const Digest& config) {
  return faccessat(store.dir(), mark_of(config).c_str(), F_OK, 0) == 0;
}

// Every image that is known: those with names, and those that were unified and that a root may still use.
Result<> Unifier::read_store() {
  TRY(make_directory(*store_, "unify"));
  TRY(make_directory(*store_, "unify/files"));
  TRY(make_directory(*store_, "unify/images"));
  TRY_ASSIGN(used_by_roots_, digests_of_roots(*store_));
  TRY_ASSIGN(auto images, list_images(*store_));
  for (Image& image : images) stacks_.push_back(std::move(image.config.diff_ids));
  TRY_ASSIGN(auto marks, list_directory(store_->dir(), "unify/images"));
  for (const std::string& mark : marks) {
    auto config = Digest::parse_file_name(mark);
    auto text = config ? read_blob(*store_, *config, kConfigLimit) : Result<std::string>("");
    auto parsed = text ? parse_image_config(*text) : Result<ImageConfig>(Failure(text.error()));
    if (parsed) stacks_.push_back(std::move(parsed->diff_ids));
  }
  return {};
}

bool Unifier::is_own_tree(const Digest& diff_id) const {
  return faccessat(store_->dir(), cat("layers/", diff_id.file_name(), "/tree").c_str(), F_OK, 0) == 0;
}

Result<Keys> Unifier::taken_beside(const Digest& diff_id) {
  std::set<Digest> beside;
  for (const auto& stack : stacks_)
    if (std::ranges::find(stack, diff_id) != stack.end()) beside.insert(stack.begin(), stack.end());
  beside.erase(diff_id);
  Keys out;
  for (const Digest& other : beside) {
    auto record = read_record(*store_, other);
    if (!record && record.error().kind == Kind::kNotFound) continue;
    if (!record) return Failure(std::move(record).error());
    for (auto& file : record->files) out.insert(std::move(file.key));
  }
  return out;
}

Result<> Unifier::unify_layer(const Digest& diff_id) {
  if (!is_own_tree(diff_id)) return {};
  auto record = read_record(*store_, diff_id);
  if (record && record->complete) return {};
  if (!record && record.error().kind != Kind::kNotFound) return Failure(std::move(record).error());
  if (!record && used_by_roots_.contains(diff_id)) return {};
  TRY_ASSIGN(TreeLinks links, TreeLinks::open(*store_, diff_id, scratch_));
  bool fresh = !record;
  if (fresh) {
    TRY_ASSIGN(Keys taken, taken_beside(diff_id));
    LayerPlanner planner(links, taken);
    record = planner.plan();
    if (!record) return Failure(std::move(record).error());
    counts_.files += planner.files();
    TRY(write_record(*store_, diff_id, *record));
  }
  TRY(links.link_all(*record, fresh, counts_));
  record->complete = true;
  ++counts_.layers;
  return write_record(*store_, diff_id, *record);
}

// Layers that were unified when no image stacked them may share inodes.
Result<> Unifier::separate_layers(const std::vector<Digest>& diff_ids) {
  Keys seen;
  for (const Digest& diff_id : std::set<Digest>(diff_ids.begin(), diff_ids.end())) {
    auto record = read_record(*store_, diff_id);
    if (!record && record.error().kind == Kind::kNotFound) continue;
    if (!record) return Failure(std::move(record).error());
    Keys twice;
    for (const auto& file : record->files)
      if (!seen.insert(file.key).second) twice.insert(file.key);
    if (!twice.empty()) TRY(separate(diff_id, std::move(*record), twice));
  }
  return {};
}

Result<> Unifier::separate(const Digest& diff_id, LayerRecord record, const Keys& twice) {
  TRY_ASSIGN(TreeLinks links, TreeLinks::open(*store_, diff_id, scratch_));
  record.complete = false;  // killed from here on, the times of the directories are set by the next call
  TRY(write_record(*store_, diff_id, record));
  for (const auto& file : record.files)
    if (twice.contains(file.key)) TRY(links.separate(file.path));
  TRY(links.restore_times(record));
  std::erase_if(record.files, [&](const LayerRecord::File& file) { return twice.contains(file.key); });
  record.complete = true;
  return write_record(*store_, diff_id, record);
}

Result<> Unifier::unify(const Image& image) {
  stacks_.push_back(image.config.diff_ids);
  for (const Digest& diff_id : image.config.diff_ids) {
    auto unified = unify_layer(diff_id);
    if (!unified) return Failure(within(cat("unify layer ", diff_id.text()), std::move(unified).error()));
  }
  if (is_done(*store_, image.id())) return {};
  TRY(separate_layers(image.config.diff_ids));
  return write_durably(*store_, mark_of(image.id()), "");
}

Result<Unified> unify_images(const Store& store, const std::vector<Image>& images) {
  // One at a time, so that two layers of one image do not choose the same inode.
  TRY_ASSIGN(UniqueFd lock, lock_at(store.dir(), "unify.lock", LOCK_EX));
  TRY_ASSIGN(Scratch scratch, Scratch::make_directory(store, "unify"));
  Unifier unifier(store, scratch.fd());
  TRY(unifier.read_store());
  for (const Image& image : images)
    if (!image.id().empty()) TRY(unifier.unify(image));
  return unifier.counts();
}

}  // namespace

Result<Unified> unify_image(const Store& store, const Image& image) {
  if (is_done(store, image.id())) return Unified();
  return unify_images(store, {image});
}

Result<Unified> unify_store(const Store& store) {
  TRY_ASSIGN(auto images, list_images(store));
  return unify_images(store, images);
}

}  // namespace shoji::images
