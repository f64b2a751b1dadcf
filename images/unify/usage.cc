#include "images/unify/usage.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "base/io.h"
#include "images/erofs/layer_index.h"
#include "images/store/durable.h"
#include "images/unify/extents.h"

namespace shoji::images {

namespace {

constexpr uint64_t kBlock = 4096;  // what a file of its own would be rounded up to

uint64_t on_disk(const struct stat& st) {
  return static_cast<uint64_t>(st.st_blocks) * 512;
}

// Something that is on disk once: a file. Paths lead to inodes, so that blobs, objects, indexes and files of trees are
// all counted in the same way.
struct File {
  uint64_t bytes = 0;
  uint32_t images = 0;      // that use it
  uint32_t last_image = 0;  // that was counted; numbers begin with 1
};

struct FileKey {
  dev_t device;
  ino_t inode;
  bool operator==(const FileKey&) const = default;
};
struct FileKeyHash {
  size_t operator()(const FileKey& key) const { return key.inode * 0x9e3779b97f4a7c15U ^ key.device; }
};
using Files = std::unordered_map<FileKey, File, FileKeyHash>;

struct LayerUse {
  uint64_t apparent = 0, alone = 0;
  std::vector<FileKey> files;
};

class Counter {
 public:
  explicit Counter(const Store& store) : store_(&store) {}
  Result<> add_image(const Image& image);
  StoreUsage finish();

 private:
  struct Counted {
    ImageUsage usage;
    std::vector<FileKey> own;  // blobs, composed metadata
    std::vector<const LayerUse*> layers;
  };
  FileKey note(const struct stat& st);
  void add_path(const std::string& path, Counted& to, bool blob);
  Result<const LayerUse*> layer(const Digest& diff_id);
  Result<> read_composed(const std::string& path, LayerUse& out);
  Result<> read_tree(int dir, LayerUse& out, std::unordered_set<ino_t>& seen);
  void count(Counted& image, bool first_pass, uint32_t number);

  const Store* store_;
  Files files_;
  std::map<Digest, LayerUse> layers_;
  std::vector<Counted> images_;
  uint64_t reflinked_ = 0;
};

FileKey Counter::note(const struct stat& st) {
  FileKey key{st.st_dev, st.st_ino};
  files_[key].bytes = on_disk(st);
  return key;
}

void Counter::add_path(const std::string& path, Counted& to, bool blob) {
  struct stat st{};
  if (stat(path.c_str(), &st) != 0) return;  // of another platform, or not composed yet
  to.own.push_back(note(st));
  to.usage.alone += on_disk(st);
  if (blob) to.usage.blobs += static_cast<uint64_t>(st.st_size);
}

Result<> Counter::read_composed(const std::string& path, LayerUse& out) {
  struct stat st{};
  TRY_ASSIGN(UniqueFd index, open_file(path + "/index", O_RDONLY));
  if (fstat(index.get(), &st) != 0) return fail_errno(errno, cat("inspect ", quote(path)));
  out.files.push_back(note(st));
  out.alone += on_disk(st);
  // Objects lie in the store that the layer lies in.
  std::string root = path.substr(0, path.rfind("/layers/"));
  return read_layer_index(index.get(), [&](const IndexedEntry& entry) -> Result<> {
    if (entry.mark != EntryMark::kMember || entry.entry.type != EntryType::kFile) return {};
    out.apparent += entry.entry.size;
    if (entry.object.empty()) return {};
    out.alone += (entry.entry.size + kBlock - 1) / kBlock * kBlock;
    struct stat object{};
    if (stat(cat(root, "/objects/", entry.object.substr(0, 2), '/', entry.object).c_str(), &object) == 0)
      out.files.push_back(note(object));
    return {};
  });
}

Result<> Counter::read_tree(int dir, LayerUse& out, std::unordered_set<ino_t>& seen) {
  TRY_ASSIGN(auto members, list_directory(dir, "."));
  for (const std::string& member : members) {
    struct stat st{};
    if (fstatat(dir, member.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) continue;  // swept meanwhile
    bool again = !S_ISDIR(st.st_mode) && st.st_nlink > 1 && !seen.insert(st.st_ino).second;
    if (!again) {
      out.files.push_back(note(st));
      out.alone += on_disk(st);
      if (S_ISREG(st.st_mode)) out.apparent += static_cast<uint64_t>(st.st_size);
      if (S_ISREG(st.st_mode)) reflinked_ += shared_extents(dir, member);
    }
    if (!S_ISDIR(st.st_mode)) continue;
    TRY_ASSIGN(UniqueFd fd, open_at(dir, member, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(read_tree(fd.get(), out, seen));
  }
  return {};
}

// Null: it is not unpacked.
Result<const LayerUse*> Counter::layer(const Digest& diff_id) {
  auto [at, fresh] = layers_.try_emplace(diff_id);
  if (!fresh) return &at->second;
  bool found = false;
  if (auto path = find_layer(*store_, diff_id, LayerFormat::kComposed)) {
    TRY(read_composed(*path, at->second));
    found = true;
  }
  if (auto path = find_layer(*store_, diff_id, LayerFormat::kTree)) {
    std::unordered_set<ino_t> seen;
    TRY_ASSIGN(UniqueFd fd, open_file(*path + "/tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(read_tree(fd.get(), at->second, seen));
    found = true;
  }
  if (found) return &at->second;
  layers_.erase(at);
  return nullptr;
}

Result<> Counter::add_image(const Image& image) {
  Counted& counted = images_.emplace_back();
  counted.usage.names = image.names;
  counted.usage.id = image.id();
  std::vector<Digest> blobs{image.target.digest, image.id()};
  if (image.manifest_descriptor.digest != image.target.digest)
    blobs.push_back(image.manifest_descriptor.digest);
  for (const Descriptor& descriptor : image.manifest.layers) blobs.push_back(descriptor.digest);
  for (const Digest& digest : blobs)
    if (auto path = find_blob(*store_, digest)) add_path(*path, counted, true);
  for (const std::string& root : store_->paths())
    add_path(cat(root, "/composed/", image.id().file_name()), counted, false);
  for (const Digest& diff_id : image.config.diff_ids) {
    TRY_ASSIGN(const LayerUse* use, layer(diff_id));
    if (use == nullptr) {
      counted.usage.unpacked = false;
      continue;
    }
    counted.layers.push_back(use);
    counted.usage.apparent += use->apparent;
    counted.usage.alone += use->alone;
  }
  return {};
}

// The first pass counts the images of every file, the second one adds up by that.
void Counter::count(Counted& image, bool first_pass, uint32_t number) {
  auto visit = [&](const FileKey& key) {
    File& file = files_[key];
    if (file.last_image == number) return;
    file.last_image = number;
    if (first_pass) {
      ++file.images;
    } else if (file.images > 1) {
      image.usage.shared += file.bytes;
    } else {
      image.usage.unique += file.bytes;
    }
  };
  for (const FileKey& key : image.own) visit(key);
  for (const LayerUse* layer : image.layers)
    for (const FileKey& key : layer->files) visit(key);
}

StoreUsage Counter::finish() {
  StoreUsage out;
  uint32_t number = 0;
  for (bool first_pass : {true, false})
    for (Counted& image : images_) count(image, first_pass, ++number);
  for (const auto& [key, file] : files_)
    if (file.images > 0) out.disk += file.bytes;
  for (Counted& image : images_) {
    out.alone += image.usage.alone;
    out.images.push_back(std::move(image.usage));
  }
  out.reflinked = reflinked_;
  return out;
}

}  // namespace

Result<StoreUsage> store_usage(const Store& store) {
  TRY_ASSIGN(auto images, list_images(store));
  Counter counter(store);
  for (const Image& image : images)
    if (!image.id().empty()) TRY(counter.add_image(image));  // verify tells of those that cannot be read
  return counter.finish();
}

}  // namespace shoji::images
