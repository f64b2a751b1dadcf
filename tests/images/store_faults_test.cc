// kill -9 at any moment of what writes the store: it verifies clean, and what was begun can be finished.
// SHOJI_ROUNDS sets how many moments are tried, SHOJI_SEED which.
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <map>
#include <random>

#include "images/store/scratch.h"
#include "images/unify/unify.h"
#include "tests/images/store_fixture.h"
#include "tests/integration/rounds.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::test;
using shoji::test::rounds;
using shoji::test::seed;

namespace {

constexpr unsigned kWorkers = 3;
constexpr unsigned kLayers = 6, kImages = 5;

// A verb that goes wrong ends its process with a sentence, which the parent sees.
void need(const Result<>& result, const char* what) {
  if (result) return;
  fprintf(stderr, "%s: %s\n", what, result.error().text.c_str());
  _exit(1);
}
template <typename T>
T need(Result<T> result, const char* what) {
  if (!result) need(Result<>(Failure(result.error())), what);
  return std::move(*result);
}

// Everything follows from a layer's number, so that what is found can be checked.
std::string layer_text(unsigned layer) {
  return std::string(20'000 + layer, static_cast<char>('a' + layer));
}
std::string file_text(unsigned layer, unsigned file) {
  return std::string(6'000, static_cast<char>('A' + (layer + file) % 3));
}
std::vector<unsigned> layers_of(unsigned image) {
  return {image % kLayers, (image + 1) % kLayers, (image + 3) % kLayers};
}

void write_blob(const Store& store, const std::string& text) {
  BlobWriter writer = need(BlobWriter::open(store, digest_of(text), text.size()), "open a blob");
  while (!writer.already() && writer.offset() < text.size())
    need(writer.write(
             std::span(text).subspan(writer.offset(), std::min<size_t>(1000, text.size() - writer.offset()))),
         "write a blob");
  need(writer.commit(), "commit a blob");
}

// A layer in both formats.
void unpack(const Store& store, unsigned layer) {
  Digest diff_id = digest_of(layer_text(layer));
  if (find_layer(store, diff_id, LayerFormat::kTree)) return;
  Scratch scratch = need(Scratch::make_directory(store, "layer"), "make a layer");
  std::string tree = scratch.path() + "/tree";
  need(make_directories(tree + "/dir", 0755), "make a tree");
  UniqueFd fd = need(open_file(scratch.path() + "/index", O_WRONLY | O_CREAT, 0644), "make an index");
  LayerIndexWriter index(fd.get());
  const timespec times[2] = {{1000, 0}, {1000, 0}};
  for (unsigned file = 0; file < 3; ++file) {
    std::string text = file_text(layer, file), name = cat("dir/", file), hex = digest_of(text).hex();
    need(write_file_atomically(cat(tree, '/', name), text, 0644), "write a file");
    utimensat(AT_FDCWD, cat(tree, '/', name).c_str(), times, 0);
    Scratch object = need(Scratch::make_file(store, "object"), "make an object");
    need(write_all(object.fd(), text, "object"), "write an object");
    need(make_directories(cat(store.path(), "/objects/", hex.substr(0, 2)), 0755), "make a directory");
    need(object.publish(cat("objects/", hex.substr(0, 2), '/', hex)), "publish an object");
    IndexedEntry entry;
    entry.entry.path = name;
    entry.entry.size = text.size();
    entry.object = hex;
    need(index.add(entry), "add to an index");
  }
  need(index.finish(), "finish an index");
  utimensat(AT_FDCWD, (tree + "/dir").c_str(), times, 0);
  auto published = scratch.publish(cat("layers/", diff_id.file_name()));
  if (!published && published.error().kind != Kind::kExists) need(published, "publish a layer");
}

std::string name_of(unsigned image) {
  return cat("localhost/image", image, ":latest");
}

void pull(const Store& store, unsigned number) {
  Lease lease = need(Lease::take(store, "test"), "take a lease");
  Manifest manifest;
  ImageConfig config;
  config.platform = host_platform();
  for (unsigned layer : layers_of(number)) {
    std::string text = layer_text(layer);
    need(lease.hold(digest_of(text)), "hold");
    write_blob(store, text);
    unpack(store, layer);
    manifest.layers.push_back({std::string(media_type::kOciLayer), digest_of(text), text.size(), {}, {}});
    config.diff_ids.push_back(digest_of(text));
  }
  manifest.config =
      need(put_blob(store, print_image_config(config), media_type::kOciConfig), "put a configuration");
  NamedImage image;
  image.target = need(put_blob(store, print_manifest(manifest), media_type::kOciManifest), "put a manifest");
  image.name = *parse_reference(name_of(number));
  need(set_name(store, image), "set a name");
  auto found = find_image(store, name_of(number));
  if (!found && found.error().kind == Kind::kNotFound) return;  // another worker removed it
  need(unify_image(store, need(std::move(found), "find an image")), "unify");
}

void remove(const Store& store, unsigned number) {
  auto removed = remove_name(store, *parse_reference(name_of(number)));
  if (!removed && removed.error().kind != Kind::kNotFound) need(removed, "remove a name");
}

// Verbs without an end, until the signal comes.
[[noreturn]] void work(const std::string& path, unsigned number) {
  std::mt19937 random(number);
  Store store = need(Store::open(config_at(path), Store::Access::kWrite), "open the store");
  while (true) {
    unsigned image = random() % kImages;
    switch (random() % 6) {
      case 0:
        remove(store, image);
        break;
      case 1:
        need(sweep(store, {.all = random() % 4 == 0, .dry_run = false}), "sweep");
        break;
      default:
        pull(store, image);
    }
  }
}

// In every image each file has its content, and no two of them one inode.
void check_images(const Store& store) {
  for (unsigned number = 0; number < kImages; ++number) {
    if (!find_image(store, name_of(number))) continue;
    std::map<ino_t, std::string> inodes;
    for (unsigned layer : layers_of(number)) {
      std::string tree = layer_path(store, layer_text(layer)) + "/tree/dir";
      struct stat st{};
      INFO(tree);
      REQUIRE(stat(tree.c_str(), &st) == 0);
      CHECK(st.st_mtim.tv_sec == 1000);
      for (unsigned file = 0; file < 3; ++file) {
        std::string path = cat(tree, '/', file);
        CHECK(read_file(path) == file_text(layer, file));
        REQUIRE(stat(path.c_str(), &st) == 0);
        CHECK(inodes.emplace(st.st_ino, path).second);
      }
    }
  }
}

void check_store(const Store& store) {
  auto report = verify_store(store, false);
  INFO((report ? std::string() : report.error().text));
  REQUIRE(report);
  for (const std::string& fault : report->faults) {
    INFO(fault);
    CHECK(report->faults.empty());
  }
}

}  // namespace

TEST_CASE("a store whose writers are killed at any moment verifies clean", "[fault][rounds]") {
  TemporaryDirectory directory;
  Store store = open_store(config_at(directory.path()));
  std::mt19937 random(seed());
  for (unsigned round = 0; round < rounds(12); ++round) {
    INFO("round " << round << " of SHOJI_SEED=" << seed());
    std::vector<pid_t> workers;
    for (unsigned i = 0; i < kWorkers; ++i) {
      auto number = static_cast<unsigned>(random());
      pid_t pid = fork();
      if (pid == 0) work(directory.path(), number);
      REQUIRE(pid > 0);
      workers.push_back(pid);
    }
    for (pid_t pid : workers) {
      usleep(5'000 + random() % 40'000);
      kill(pid, SIGKILL);
      int status = 0;
      REQUIRE(waitpid(pid, &status, 0) == pid);
      CHECK(WIFSIGNALED(status));  // else it ended by itself, with a sentence
    }
    check_store(store);
    REQUIRE(unify_store(store));
    check_images(store);
  }
  pull(store, 0);
  CHECK(find_image(store, name_of(0)));
  for (unsigned image = 0; image < kImages; ++image) remove(store, image);
  REQUIRE(sweep(store, {}));
  for (const char* empty : {"blobs/sha256", "layers", "tmp", "partial", "leases", "names", "unify/images"}) {
    INFO(empty);
    CHECK(read_directory(cat(directory.path(), '/', empty)).empty());
  }
  for (const char* sparse : {"objects", "unify/files"})
    for (const std::string& prefix : read_directory(cat(directory.path(), '/', sparse)))
      CHECK(read_directory(cat(directory.path(), '/', sparse, '/', prefix)).empty());
}

TEST_CASE("a sweep takes nothing from verbs that run at the same time") {
  TemporaryDirectory directory;
  Store store = open_store(config_at(directory.path()));
  std::vector<pid_t> pullers;
  for (unsigned worker = 0; worker < kWorkers; ++worker) {
    pid_t pid = fork();
    if (pid == 0) {
      Store own = need(Store::open(config_at(directory.path()), Store::Access::kWrite), "open the store");
      for (unsigned round = 0; round < rounds(12); ++round) {
        // Every image is one worker's, so that nobody else removes its name.
        pull(own, worker);
        need(find_image(own, name_of(worker)), "find an image");
        for (unsigned layer : layers_of(worker))
          for (LayerFormat format : {LayerFormat::kTree, LayerFormat::kComposed})
            need(find_layer(own, digest_of(layer_text(layer)), format), "find a layer");
        remove(own, worker);
      }
      _exit(0);
    }
    REQUIRE(pid > 0);
    pullers.push_back(pid);
  }
  while (!pullers.empty()) {
    REQUIRE(sweep(store, {}));
    check_store(store);
    std::erase_if(pullers, [](pid_t pid) {
      int status = 0;
      if (waitpid(pid, &status, WNOHANG) == 0) return false;
      CHECK(status == 0);
      return true;
    });
  }
}

TEST_CASE(
    "a disk that is full leaves a store that verifies clean, and the download goes on when there is room") {
  TemporaryDirectory directory;
  pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    // A filesystem of 4 MiB, in a mount namespace that dies with this process.
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", directory.path().c_str(), "tmpfs", 0, "size=4m") != 0)
      _exit(77);
    std::string text(6 << 20, 'x');
    Digest digest = digest_of(text);
    Store store = need(Store::open(config_at(directory.path()), Store::Access::kWrite), "open the store");
    uint64_t reached = 0;
    {
      BlobWriter writer = need(BlobWriter::open(store, digest, text.size()), "open a blob");
      Result<> written;
      for (size_t at = 0; at < text.size() && written; at += 65536)
        written = writer.write(std::span(text).subspan(at, 65536));
      if (written || written.error().err != ENOSPC) _exit(2);
      reached = writer.offset();
    }
    if (put_blob(store, "small", "text/plain")) _exit(3);  // not even a page
    if (mount("tmpfs", directory.path().c_str(), "tmpfs", MS_REMOUNT, "size=16m") != 0) _exit(4);
    if (!need(verify_store(store, false), "verify").faults.empty()) _exit(5);
    BlobWriter writer = need(BlobWriter::open(store, digest, text.size()), "open a blob");
    if (writer.offset() < reached) _exit(6);
    need(writer.write(std::span(text).subspan(writer.offset())), "write a blob");
    need(writer.commit(), "commit a blob");
    if (!need(verify_store(store, false), "verify").faults.empty()) _exit(7);
    need(sweep(store, {}), "sweep");
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
