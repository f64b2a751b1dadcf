#pragma once
// A store with images whose layers are made by hand, and a look into mounts that are attached nowhere.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "base/io.h"
#include "images/roots/root.h"
#include "tests/catch.h"

namespace shoji::images::test {

#define REQUIRE_GOOD(...)                           \
  do {                                              \
    auto shoji_good = (__VA_ARGS__);                \
    if (!shoji_good) FAIL(shoji_good.error().text); \
  } while (0)

template <typename T>
T good(Result<T> result) {
  if (!result) FAIL(result.error().text);
  return std::move(*result);
}

class RootFixture {
 public:
  explicit RootFixture(const std::string& format = "tree") {
    const char* top = getenv("TMPDIR");  // on a disk: overlayfs refuses uppers on overlays
    path_ = cat(top == nullptr ? "/var/tmp" : top, "/shoji-roots-XXXXXX");
    REQUIRE(mkdtemp(path_.data()) != nullptr);
    ImagesConfig config;
    config.store = path_ + "/store";
    config.format = format;
    store_.emplace(good(Store::open(config, Store::Access::kWrite)));
  }
  RootFixture(const RootFixture&) = delete;
  RootFixture& operator=(const RootFixture&) = delete;
  ~RootFixture() { ignore(remove_tree(path_), "the test is over"); }

  [[nodiscard]] const Store& store() const { return *store_; }
  [[nodiscard]] const std::string& path() const { return path_; }

  // The tree of a layer with that number, empty, and its diffID.
  std::string add_tree(Image& image) {
    std::string hex(64, '0');
    std::string number = std::to_string(1000 + layers_++);
    std::copy(number.begin(), number.end(), hex.begin());
    Digest digest = Digest::make(HashAlgorithm::kSha256, hex);
    image.config.diff_ids.push_back(digest);
    std::string tree = cat(store_->path(), "/layers/", digest.file_name(), "/tree");
    REQUIRE_GOOD(make_directories(tree, 0755));
    return tree;
  }
  // An image of `count` layers; each has /layer-N with N in it, /same with N, and /d/N.
  Image image(int count) {
    Image image;
    image.manifest.config.digest =
        Digest::make(HashAlgorithm::kSha256, std::string(60, 'c') + std::to_string(1000 + images_++));
    for (int i = 0; i < count; ++i) {
      std::string tree = add_tree(image), number = std::to_string(i);
      REQUIRE_GOOD(make_directories(tree + "/d", 0755));
      write(cat(tree, "/layer-", i), number);
      write(tree + "/same", number);
      write(cat(tree, "/d/", i), number);
    }
    return image;
  }
  static void write(const std::string& path, const std::string& text) {
    UniqueFd fd = good(open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    REQUIRE_GOOD(write_all(fd.get(), text, path));
  }

 private:
  std::string path_;
  std::optional<Store> store_;
  int layers_ = 0, images_ = 0;
};

// "" when it is not there.
inline std::string text_at(int dir, const std::string& path) {
  auto text = read_file_at(dir, path);
  return text ? *text : "";
}
inline bool exists_at(int dir, const std::string& path) {
  return faccessat(dir, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}
inline void write_at(int dir, const std::string& path, const std::string& text) {
  UniqueFd fd = good(open_at(dir, path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  REQUIRE_GOOD(write_all(fd.get(), text, path));
}
inline std::vector<std::string> names_at(int dir, const std::string& path) {
  std::vector<std::string> names;
  UniqueFd fd = good(open_at(dir, path, O_RDONLY | O_DIRECTORY));
  DIR* stream = fdopendir(fd.release());
  REQUIRE(stream != nullptr);
  while (dirent* entry = readdir(stream))
    if (std::string name = entry->d_name; name != "." && name != "..") names.push_back(name);
  closedir(stream);
  std::ranges::sort(names);
  return names;
}
inline struct stat stat_at(int dir, const std::string& path) {
  struct stat st{};
  INFO(path);
  REQUIRE(fstatat(dir, path.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0);
  return st;
}

}  // namespace shoji::images::test
