#include "images/transfer/tree_archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <map>

#include "base/io.h"
#include "images/tar/tar_reader.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::images;

namespace {

class StringSink final : public ByteSink {
 public:
  Result<> write(std::span<const char> bytes) override {
    text.append(bytes.data(), bytes.size());
    return {};
  }
  Result<> finish() override { return {}; }
  std::string text;
};

class Tree {
 public:
  Tree() {
    char name[] = "/tmp/shoji-tree.XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Tree() { ignore(remove_tree(path_), "a test's scratch"); }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  [[nodiscard]] std::string at(const std::string& name) const { return path_ + "/" + name; }
  void file(const std::string& name, const std::string& text) const {
    REQUIRE(write_file_atomically(at(name), text, 0640));
    settle(name);
  }
  void settle(const std::string& name) const {
    timespec times[2] = {{.tv_sec = 1000, .tv_nsec = 5}, {.tv_sec = 1000, .tv_nsec = 5}};
    REQUIRE(utimensat(AT_FDCWD, at(name).c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
  }
  [[nodiscard]] std::string archive(int64_t* newest = nullptr) const {
    StringSink sink;
    Result<int64_t> done = archive_tree(path_, sink);
    REQUIRE(done);
    if (newest != nullptr) *newest = *done;
    return sink.text;
  }

 private:
  std::string path_;
};

struct Read {
  TarEntry entry;
  std::string content;
};

std::map<std::string, Read> members(const std::string& archive) {
  MemorySource source(archive);
  TarReader reader(source, UnpackLimits());
  std::map<std::string, Read> all;
  for (;;) {
    Read read;
    Result<bool> more = reader.next(read.entry);
    REQUIRE(more);
    if (!*more) return all;
    char buffer[4096];
    for (;;) {
      Result<size_t> size = reader.read(buffer);
      REQUIRE(size);
      if (*size == 0) break;
      read.content.append(buffer, *size);
    }
    all[read.entry.path] = read;
  }
}

}  // namespace

TEST_CASE("a tree becomes an archive with everything a layer can say") {
  Tree tree;
  REQUIRE(mkdir(tree.at("d").c_str(), 0751) == 0);
  tree.file("d/file", "content");
  REQUIRE(link(tree.at("d/file").c_str(), tree.at("link").c_str()) == 0);
  REQUIRE(symlink("../nowhere", tree.at("symbolic").c_str()) == 0);
  REQUIRE(mkfifo(tree.at("fifo").c_str(), 0600) == 0);
  for (const char* name : {"d", "symbolic", "fifo", "."}) tree.settle(name);
  int64_t newest = 0;
  auto all = members(tree.archive(&newest));
  CHECK(newest == 1000);
  REQUIRE(all.size() == 6);
  CHECK(all["./"].entry.type == EntryType::kDirectory);
  CHECK(all["d/"].entry.mode == 0751);
  CHECK(all["d/file"].content == "content");
  CHECK(all["d/file"].entry.mode == 0640);
  CHECK(all["d/file"].entry.mtime == 1000);
  CHECK(all["d/file"].entry.mtime_ns == 5);
  CHECK(all["link"].entry.type == EntryType::kHardLink);
  CHECK(all["link"].entry.link == "d/file");
  CHECK(all["symbolic"].entry.link == "../nowhere");
  CHECK(all["fifo"].entry.type == EntryType::kFifo);
}

TEST_CASE("the same tree gives the same archive, whatever the order it was made in") {
  Tree one, other;
  for (const char* name : {"a", "b", "c"}) one.file(name, name);
  for (const char* name : {"c", "a", "b"}) other.file(name, name);
  one.settle(".");
  other.settle(".");
  CHECK((one.archive() == other.archive()));
  other.file("b", "B");
  other.settle(".");
  CHECK((one.archive() != other.archive()));
}

TEST_CASE("holes are not stored") {
  Tree tree;
  tree.file("sparse", "begin");
  UniqueFd fd(open(tree.at("sparse").c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(pwrite(fd.get(), "end", 3, 8 << 20) == 3);
  fd.reset();
  std::string archive = tree.archive();
  auto all = members(archive);
  CHECK(all["sparse"].entry.size == (8 << 20) + 3);
  CHECK(all["sparse"].entry.sparse);
  CHECK(archive.size() < 64 << 10);
}
