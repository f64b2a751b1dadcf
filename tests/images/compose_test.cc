#include "images/erofs/compose.h"

#include <cerrno>

#include "tests/catch.h"
#include "tests/images/composed_image.h"
#include "tests/images/tree_listing.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::tests;

namespace {

using Layers = std::vector<std::vector<IndexedEntry>>;

// "PATH TYPE CONTENT" of everything but the root.
std::vector<std::string> names_in(const Layers& layers) {
  ScratchDirectory scratch;
  Result<std::string> image = compose_layers(scratch.path, layers);
  REQUIRE((image ? "" : image.error().text) == "");
  CHECK(fsck(*image) == "");
  UniqueFd root(mount_image(*image));
  if (!root) {
    CHECK(errno == ENOTBLK);
    return {};
  }
  std::vector<std::string> names;
  for (const std::string& line : list_tree(root.get()))
    if (!line.starts_with("/ ") && !line.starts_with("links"))
      names.push_back(line.substr(0, line.find(' ')));
  return names;
}

std::string refused(const Layers& layers) {
  ScratchDirectory scratch;
  Result<std::string> image = compose_layers(scratch.path, layers);
  return image ? "" : image.error().text;
}

bool can_mount() {
  ScratchDirectory scratch;
  Result<std::string> image = compose_layers(scratch.path, {});
  REQUIRE(image);
  return UniqueFd(mount_image(*image)).get() >= 0;
}

void check_names(const Layers& layers, const std::vector<std::string>& wanted) {
  std::vector<std::string> names = names_in(layers);
  if (can_mount()) CHECK(names == wanted);
}

}  // namespace

TEST_CASE("an image of no layers is an empty root") {
  check_names({}, {});
}

TEST_CASE("later layers win") {
  check_names({{directory("a"), file("a/x", "1"), file("b", "2")}, {file("a/x", "3"), file("c/d", "4")}},
              {"/a", "/a/x", "/b", "/c", "/c/d"});
}

TEST_CASE("whiteouts hide lower layers only, wherever in the archive they stand") {
  Layers lower = {{directory("a"), file("a/x", "1"), file("a/y", "2"), file("b", "2")}};
  auto with = [&](std::vector<IndexedEntry> upper) {
    Layers layers = lower;
    layers.push_back(std::move(upper));
    return layers;
  };
  check_names(with({whiteout("b")}), {"/a", "/a/x", "/a/y"});
  check_names(with({whiteout("a")}), {"/b"});
  check_names(with({whiteout("a"), whiteout("none"), whiteout("none/at/all")}), {"/b", "/none", "/none/at"});
  check_names(with({directory("a"), file("a/z", "3"), whiteout("a")}), {"/a", "/a/z", "/b"});
  check_names(with({whiteout("a"), directory("a"), file("a/z", "3")}), {"/a", "/a/z", "/b"});
  check_names(with({opaque("a")}), {"/a", "/b"});
  check_names(with({file("a/x", "new"), opaque("a")}), {"/a", "/a/x", "/b"});
  check_names(with({opaque("a"), file("a/x", "new")}), {"/a", "/a/x", "/b"});
  check_names(with({opaque("")}), {});
  check_names(with({file("b", "new"), whiteout("b")}), {"/a", "/a/x", "/a/y", "/b"});
  // overlayfs' own whiteout
  check_names(with({node("b", EntryType::kCharDevice, 0)}), {"/a", "/a/x", "/a/y"});
}

TEST_CASE("a member of another type replaces what lower layers have") {
  Layers lower = {{directory("a"), file("a/x", "1"), node("l", EntryType::kSymlink, 0777, "a")}};
  auto with = [&](std::vector<IndexedEntry> upper) {
    Layers layers = lower;
    layers.push_back(std::move(upper));
    return layers;
  };
  check_names(with({file("a", "now a file")}), {"/a", "/l"});
  check_names(with({file("a", "now a file")}), {"/a", "/l"});
  check_names(with({directory("l")}), {"/a", "/a/x", "/l"});
  // The link of the lower layer is not followed: overlayfs would not either.
  check_names(with({file("l/x", "2")}), {"/a", "/a/x", "/l", "/l/x"});
  // Within one layer the later member wins, as when tar unpacks.
  check_names({{directory("a"), file("a/x", "1"), file("a", "2")}}, {"/a"});
  check_names({{directory("a"), file("a/x", "1"), file("a", "2"), directory("a"), file("a/y", "")}},
              {"/a", "/a/y"});
  Layers back = with({file("a", "now a file")});
  back.push_back({directory("a")});
  check_names(back, {"/a", "/l"});
}

TEST_CASE("what contradicts itself is refused") {
  using std::string;
  auto says = [](const Layers& layers, std::string_view words) {
    string text = refused(layers);
    INFO(text);
    CHECK(text.find(words) != string::npos);
  };
  auto link = [](string from, string to) {
    return node(std::move(from), EntryType::kHardLink, 0, std::move(to));
  };
  says({{file("a", "1"), file("a/b", "2")}}, R"(member "a": "a" on its way is no directory)");
  says({{link("b", "a"), file("a", "1")}}, R"(a hard link to "a", no file of the same layer)");
  says({{file("a", "1")}, {link("b", "a")}}, R"(a hard link to "a", no file of the same layer)");
  says({{directory("a"), link("b", "a")}}, R"(a hard link to "a", no file of the same layer)");
  says({{file("../a", "1")}}, "makes no sense");
  says({{file("", "1")}}, "makes no sense");
  says({{file(string(256, 'a'), "1")}}, "makes no sense");
}

TEST_CASE("an image has every kind of file with everything that it has") {
  IndexedEntry fifo = node("dev/fifo", EntryType::kFifo, 0600);
  IndexedEntry disk = node("dev/disk", EntryType::kBlockDevice, 0660);
  disk.entry.device_major = 259;
  disk.entry.device_minor = 70000;
  disk.entry.gid = 6;
  IndexedEntry null = node("dev/null", EntryType::kCharDevice, 0666);
  null.entry.device_major = 1;
  null.entry.device_minor = 3;
  IndexedEntry timed = file("timed", "x", 06755);
  timed.entry.mtime = -5;
  timed.entry.mtime_ns = 123456789;
  timed.entry.uid = 4000000000;
  timed.entry.gid = 70000;
  timed.entry.xattrs = {
      {"user.name", "value"},
      {"trusted.t", std::string(3000, 'v')},
      {"security.capability", std::string("\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20)}};
  IndexedEntry shared = file("shared", std::string(kInlineLimit, 's'));
  IndexedEntry large = file("large", "");
  large.object = std::string(64, 'a');
  large.entry.size = uint64_t{1} << 40;
  std::vector<IndexedEntry> layer = {directory("", 0711),
                                     directory("dev"),
                                     fifo,
                                     disk,
                                     null,
                                     timed,
                                     shared,
                                     large,
                                     node("long", EntryType::kSymlink, 0777, std::string(4095, 'l')),
                                     node("short", EntryType::kSymlink, 0777, "timed"),
                                     node("again", EntryType::kHardLink, 0, "shared"),
                                     file("empty", "")};
  for (int i = 0; i < 3000; i++) layer.push_back(file(cat("many/", std::string(1 + i % 250, '-'), i), ""));
  ScratchDirectory scratch;
  Result<std::string> image = compose_layers(scratch.path, {layer});
  REQUIRE(image);
  CHECK(fsck(*image) == "");
  UniqueFd root(mount_image(*image));
  if (!root) {
    CHECK(errno == ENOTBLK);
    return;
  }
  std::vector<std::string> lines =
      list_tree(root.get(), {.directory_times = true, .overlay_xattrs = true, .contents = false});
  auto has = [&](const std::string& line) {
    INFO(line);
    CHECK(std::ranges::find(lines, line) != lines.end());
  };
  has("/ 16841 0:0 links=4 0.0");
  has("/dev 16877 0:0 links=2 0.0");
  has("/dev/disk 25008 0:6 links=1 size=0 0.0 259:70000");
  has("/dev/fifo 4480 0:0 links=1 size=0 0.0");
  has("/dev/null 8630 0:0 links=1 size=0 0.0 1:3");
  std::string v;
  for (int i = 0; i < 3000; i++) v += "76";
  has("/timed 36333 4000000000:70000 links=1 size=1 -5.123456789 "
      "security.capability=0100000200200000000000000000000000000000 trusted.t=" +
      v + " user.name=76616c7565");
  has("/long 41471 0:0 links=1 size=4095 0.0 -> " + std::string(4095, 'l'));
  has("/short 41471 0:0 links=1 size=5 0.0 -> timed");
  has("links /again /shared");
  std::string redirect;  // "/aa/aaaa..."
  for (char c : "/aa/" + std::string(64, 'a')) redirect += c == '/' ? "2f" : "61";
  has("/large 33188 0:0 links=1 size=1099511627776 0.0 trusted.overlay.metacopy= trusted.overlay.redirect=" +
      redirect);
  CHECK(std::ranges::count_if(lines, [](const std::string& line) { return line.starts_with("/many/"); }) ==
        3000);
  for (int i = 0; i < 3000; i += 7) {  // found by bisection, not only listed
    struct stat facts{};
    CHECK(fstatat(root.get(), cat("many/", std::string(1 + i % 250, '-'), i).c_str(), &facts, 0) == 0);
  }
}

TEST_CASE("the same layers give the same image, whatever else is different") {
  std::vector<IndexedEntry> layer;
  for (int i = 0; i < 500; i++) layer.push_back(file(cat("d", i % 7, "/f", i * 7919 % 1000), cat(i)));
  std::string first;
  for (int round = 0; round < 3; round++) {
    ScratchDirectory scratch;
    Result<std::string> image = compose_layers(scratch.path, {layer, {whiteout("d1/f1")}, layer});
    REQUIRE(image);
    Result<std::string> bytes = read_file(*image);
    REQUIRE(bytes);
    if (round == 0) first = *bytes;
    CHECK(*bytes == first);
  }
}

TEST_CASE("a layer index that is not whole is refused") {
  ScratchDirectory scratch;
  std::vector<IndexedEntry> layer;
  for (int i = 0; i < 3000; i++) layer.push_back(file(cat("directory/file-", i), std::string(i % 300, 'c')));
  Result<std::string> path = write_index(scratch.path + "/index", layer);
  REQUIRE(path);
  Result<std::string> whole = read_file(*path);
  REQUIRE(whole);
  auto read = [&](const std::string& bytes) {
    Result<UniqueFd> fd = open_file(scratch.path + "/damaged", O_RDWR | O_CREAT | O_TRUNC, 0600);
    REQUIRE(fd);
    REQUIRE(write_all(fd->get(), bytes, "index"));
    size_t count = 0;
    Result<> done = read_layer_index(fd->get(), [&](const IndexedEntry&) -> Result<> {
      ++count;
      return {};
    });
    if (done) CHECK(count == layer.size());
    return done ? "" : done.error().text;
  };
  CHECK(read(*whole) == "");
  for (size_t size : {size_t{0}, size_t{1}, size_t{31}, size_t{32}, whole->size() / 2, whole->size() - 16,
                      whole->size() - 1})
    CHECK(read(whole->substr(0, size)) != "");
  CHECK(read(*whole + "x") != "");
  uint64_t random = 42;
  for (int round = 0; round < 200; round++) {
    random = random * 6364136223846793005 + 1442695040888963407;
    std::string damaged = *whole;
    damaged[(random >> 20) % damaged.size()] ^= static_cast<char>(1 + (random >> 56) % 255);
    INFO("round " << round);
    CHECK(read(damaged) != "");
  }
}
