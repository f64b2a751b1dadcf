// Looks at everything in the store again.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/io.h"
#include "images/blobs/blob_writer.h"
#include "images/erofs/layer_index.h"
#include "images/store/durable.h"
#include "images/store/names.h"

namespace shoji::images {

namespace {

constexpr size_t kChunk = 256 << 10;

class Verifier {
 public:
  Verifier(const Store& store, bool repair) : store_(&store), repair_(repair), chunk_(kChunk, '\0') {}

  Result<> check_blobs();
  Result<> check_objects();
  Result<> check_layers();
  Result<> check_composed();
  Result<> check_names();
  VerifyReport take() { return std::move(report_); }

 private:
  void fault(std::string sentence) { report_.faults.push_back(std::move(sentence)); }
  Result<> remove(const std::string& name);  // when repairing
  Result<Digest> hash(const std::string& name, HashAlgorithm algorithm);
  Result<> check_content(const std::string& name, const Digest& digest, std::string_view noun);
  Result<> check_layer(const std::string& name);
  [[nodiscard]] Result<> check_index(const std::string& name) const;
  [[nodiscard]] Result<> check_name(const std::string& file) const;

  const Store* store_;
  bool repair_;
  std::string chunk_;
  std::set<Digest> broken_layers_;
  VerifyReport report_;
};

Result<> Verifier::remove(const std::string& name) {
  return repair_ ? remove_tree(cat(store_->path(), '/', name)) : Result<>();
}

Result<Digest> Verifier::hash(const std::string& name, HashAlgorithm algorithm) {
  TRY_ASSIGN(UniqueFd fd, open_at(store_->dir(), name, O_RDONLY | O_NOFOLLOW));
  Hasher hasher(algorithm);
  while (true) {
    ssize_t n = read(fd.get(), chunk_.data(), chunk_.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(errno, cat("read ", quote(name)));
    if (n == 0) return hasher.finish();
    hasher.update(std::span(chunk_).first(static_cast<size_t>(n)));
  }
}

// A disk that cannot be read is a fault of the content, too.
Result<> Verifier::check_content(const std::string& name, const Digest& digest, std::string_view noun) {
  auto found = hash(name, digest.algorithm());
  if (found && *found == digest) return {};
  if (!found && found.error().kind == Kind::kNotFound) return {};  // removed meanwhile
  fault(found ? cat(noun, " ", digest.text(), ": its content has the digest ", found->text())
              : cat(noun, " ", digest.text(), ": ", found.error().text));
  return remove(name);
}

Result<> Verifier::check_blobs() {
  for (const char* algorithm : {"sha256", "sha512"}) {
    std::string directory = cat("blobs/", algorithm);
    TRY_ASSIGN(auto names, list_directory(store_->dir(), directory));
    for (const std::string& name : names) {
      std::string path = cat(directory, '/', name);
      ++report_.blobs;
      if (auto digest = Digest::parse(cat(algorithm, ':', name))) {
        TRY(check_content(path, *digest, "blob"));
      } else {
        fault(cat("file ", quote(path), " is no blob"));
        TRY(remove(path));
      }
    }
  }
  return {};
}

Result<> Verifier::check_objects() {
  TRY_ASSIGN(auto directories, list_directory(store_->dir(), "objects"));
  for (const std::string& directory : directories) {
    TRY_ASSIGN(auto names, list_directory(store_->dir(), cat("objects/", directory)));
    for (const std::string& name : names) {
      std::string path = cat("objects/", directory, '/', name);
      ++report_.objects;
      if (auto digest = Digest::parse(cat("sha256:", name))) {
        TRY(check_content(path, *digest, "object"));
      } else {
        fault(cat("file ", quote(path), " is no object"));
        TRY(remove(path));
      }
    }
  }
  return {};
}

// The index is whole (it has a checksum), and the objects that it names are there with their sizes.
Result<> Verifier::check_index(const std::string& name) const {
  TRY_ASSIGN(UniqueFd fd, open_at(store_->dir(), name, O_RDONLY | O_NOFOLLOW));
  std::string missing;
  TRY(read_layer_objects(fd.get(), [&](std::string_view hex, uint64_t size) {
    struct stat st{};
    std::string object = cat("objects/", hex.substr(0, 2), '/', hex);
    bool there = fstatat(store_->dir(), object.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                 static_cast<uint64_t>(st.st_size) == size;
    if (!there && missing.empty()) missing = hex;
  }));
  if (!missing.empty()) return fail(Kind::kNotFound, cat("its object ", missing, " is missing"));
  return {};
}

Result<> Verifier::check_layer(const std::string& name) {
  std::string path = cat("layers/", name);
  struct stat st{};
  bool has_index = fstatat(store_->dir(), cat(path, "/index").c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
  bool has_tree = fstatat(store_->dir(), cat(path, "/tree").c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                  S_ISDIR(st.st_mode);
  Result<> good;
  if (has_index) {
    good = check_index(cat(path, "/index"));
  } else if (!has_tree) {
    good = fail(Kind::kInvalid, "it has neither an index nor a tree");
  }
  auto digest = Digest::parse_file_name(name);
  if (!digest) good = fail(Kind::kInvalid, "its name is no digest");
  if (good) return {};
  fault(cat("layer ", quote(name), ": ", good.error().text));
  if (digest) broken_layers_.insert(*digest);
  return remove(path);
}

Result<> Verifier::check_layers() {
  TRY_ASSIGN(auto names, list_directory(store_->dir(), "layers"));
  for (const std::string& name : names) {
    ++report_.layers;
    TRY(check_layer(name));
  }
  return {};
}

// What was composed of a layer that is unpacked anew is composed anew as well.
Result<> Verifier::check_composed() {
  if (broken_layers_.empty()) return {};
  TRY_ASSIGN(auto names, list_directory(store_->dir(), "composed"));
  for (const std::string& name : names) {
    auto digest = Digest::parse_file_name(name);
    auto text = digest ? read_blob(*store_, *digest, kConfigLimit) : Result<std::string>("");
    auto config = text ? parse_image_config(*text) : Result<ImageConfig>(Failure(text.error()));
    bool good = config && std::ranges::none_of(config->diff_ids, [&](const Digest& diff_id) {
                  return broken_layers_.contains(diff_id);
                });
    if (!good) TRY(remove(cat("composed/", name)));
  }
  return {};
}

// The platform's image can be loaded and moved: all its blobs are there.
Result<> Verifier::check_name(const std::string& file) const {
  TRY_ASSIGN(NamedImage named, read_name_file(cat(store_->path(), "/names/", file)));
  if (name_file(named.name) != file)
    return fail(Kind::kInvalid,
                cat("name of an image ", quote(named.name.text()), " is in the file ", quote(file)));
  TRY_ASSIGN(Image image, find_image(*store_, named.name.text()));
  for (const Descriptor& layer : image.manifest.layers) {
    auto path = find_blob(*store_, layer.digest);
    struct stat st{};
    if (!path) return Failure(within(cat("image ", quote(named.name.text())), std::move(path).error()));
    if (stat(path->c_str(), &st) != 0 || static_cast<uint64_t>(st.st_size) != layer.size)
      return fail(Kind::kInvalid, cat("image ", quote(named.name.text()), ": layer ", layer.digest.text(),
                                      " has ", st.st_size, " bytes instead of ", layer.size));
  }
  return {};
}

// A name that leads nowhere is removed by a repair; one whose image can still be run stays.
Result<> Verifier::check_names() {
  TRY_ASSIGN(auto files, list_directory(store_->dir(), "names"));
  for (const std::string& file : files) {
    auto good = check_name(file);
    if (good) continue;
    if (faccessat(store_->dir(), cat("names/", file).c_str(), F_OK, 0) != 0) continue;  // removed meanwhile
    fault(good.error().text);
    auto named = read_name_file(cat(store_->path(), "/names/", file));
    if (!named || !find_image(*store_, named->name.text())) TRY(remove(cat("names/", file)));
  }
  if (!repair_) return {};
  TRY_ASSIGN(FileLock lock, FileLock::acquire(store_->dir(), "index.lock"));
  return derive_index(*store_);
}

}  // namespace

Result<VerifyReport> verify_store(const Store& store, bool repair) {
  // Nothing that is looked at is swept meanwhile.
  auto lock = hold_sweeping_off(store);
  if (!lock && (repair || lock.error().err != EROFS)) return Failure(std::move(lock).error());
  Verifier verifier(store, repair);
  TRY(verifier.check_blobs());
  TRY(verifier.check_objects());
  TRY(verifier.check_layers());
  TRY(verifier.check_composed());
  TRY(verifier.check_names());
  return verifier.take();
}

}  // namespace shoji::images
