// Hundreds of archives of random members out of few names, so that they meet: nothing outside of the tree ever changes,
// and what is accepted is accepted as an in-memory tree has it.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <map>
#include <random>

#include "images/unpack/layer_sink.h"
#include "tests/catch.h"
#include "tests/images/composed_root.h"
#include "tests/images/tar_builder.h"
#include "tests/images/tree_listing.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::tests;

namespace {

// What a tree should be: type and contents by path; 'w' is a whiteout, 'D' an opaque directory.
class Model {
 public:
  // False: the member has to be refused.
  bool add(const TarBuilder::Fields& member) {
    std::string path = clean(member.name);
    size_t slash = path.rfind('/');
    std::string parent = slash == std::string::npos ? "" : path.substr(0, slash);
    std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    if (name.starts_with(".wh.")) return add_whiteout(parent, name);
    if (path.empty()) return member.type == '5';
    if (!make_parents(parent)) return false;
    if (member.type == '1') return add_link(path, clean(member.link));
    char& type = files_[path].type;
    if (member.type == '5' && (type == 'd' || type == 'D')) return true;
    char made = member.type == '5' ? (type == 'w' ? 'D' : 'd') : member.type;
    remove(path);
    files_[path] = {made, made == '2' ? member.link : member.contents};
    return true;
  }
  [[nodiscard]] std::string text() const {
    std::string out;
    for (const auto& [path, file] : files_)
      out += cat(path, ' ', file.type, file.type == '0' || file.type == '2' ? file.contents : "", '\n');
    return out;
  }

 private:
  struct File {
    char type = 0;
    std::string contents;
  };
  static std::string clean(std::string_view path) {
    Result<std::string> result = member_path(path, {});
    return result ? *result : "";
  }
  bool make_parents(const std::string& parent) {
    if (parent.empty()) return true;
    for (size_t end = parent.find('/');; end = parent.find('/', end + 1)) {
      File& file = files_[parent.substr(0, end)];
      if (file.type == 0) file.type = 'd';
      if (file.type == 'w') file.type = 'D';
      if (file.type != 'd' && file.type != 'D') return false;
      if (end == std::string::npos) return true;
    }
  }
  bool add_whiteout(const std::string& parent, std::string_view name) {
    if (!make_parents(parent)) return false;
    if (name == ".wh..wh..opq") {
      if (!parent.empty()) files_[parent].type = 'D';
      return true;
    }
    File& hidden = files_[cat(parent, parent.empty() ? "" : "/", name.substr(4))];
    if (hidden.type == 0) hidden.type = 'w';
    if (hidden.type == 'd') hidden.type = 'D';
    return true;
  }
  bool add_link(const std::string& path, const std::string& target) {
    if (path == target) return true;
    auto from = files_.find(target);
    if (from == files_.end() || std::string_view("dDw").find(from->second.type) != std::string_view::npos)
      return false;
    // What a directory that makes room takes with it is no target.
    if (target.starts_with(path + '/')) return false;
    File copy = from->second;
    remove(path);
    files_[path] = copy;
    return true;
  }
  void remove(const std::string& path) {
    files_.erase(path);
    std::erase_if(files_, [&](const auto& file) { return file.first.starts_with(path + '/'); });
  }
  std::map<std::string, File> files_;
};

std::string walk(int dir, const std::string& prefix) {
  std::string out;
  std::vector<std::string> names;
  DIR* stream = fdopendir(dup(dir));
  REQUIRE(stream != nullptr);
  rewinddir(stream);
  while (dirent* entry = readdir(stream))
    if (std::string_view(entry->d_name) != "." && std::string_view(entry->d_name) != "..")
      names.emplace_back(entry->d_name);
  closedir(stream);
  for (const std::string& name : names) {
    struct stat st{};
    REQUIRE(fstatat(dir, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0);
    std::string path = prefix + name;
    if (S_ISDIR(st.st_mode)) {
      Result<UniqueFd> below = open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      REQUIRE(below);
      char value[2];
      bool opaque = fgetxattr(below->get(), "trusted.overlay.opaque", value, sizeof value) == 1;
      out += cat(path, opaque ? " D\n" : " d\n") + walk(below->get(), path + '/');
    } else if (S_ISREG(st.st_mode)) {
      out += cat(path, " 0", read_file_at(dir, name).value_or("?"), '\n');
    } else if (S_ISLNK(st.st_mode)) {
      char target[100];
      ssize_t size = readlinkat(dir, name.c_str(), target, sizeof target);
      out += cat(path, " 2", std::string_view(target, static_cast<size_t>(size)), '\n');
    } else {
      out += cat(path, S_ISFIFO(st.st_mode) ? " 6\n" : st.st_rdev == 0 ? " w\n" : " 3\n");
    }
  }
  return out;
}

std::string sorted_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at + 1));
    at = end + 1;
  }
  std::ranges::sort(lines);
  std::string out;
  for (const std::string& line : lines) out += line;
  return out;
}

TarBuilder::Fields random_member(std::mt19937& random) {
  constexpr std::string_view kNames[] = {"a", "b", "c", "a", "link", "d"};
  constexpr std::string_view kTargets[] = {"..", "../..", "/", "a", "../../outside", ".", "b/c", "/etc"};
  constexpr std::string_view kTypes = "00001225563";
  auto pick = [&](auto& of) { return of[random() % std::size(of)]; };
  std::string path = random() % 8 == 0 ? "/" : random() % 8 == 0 ? "./" : "";
  for (unsigned depth = random() % 3; depth > 0; --depth) path += cat(pick(kNames), '/');
  if (random() % 10 == 0) path += ".wh.";
  path += random() % 30 == 0 ? std::string(".wh..wh..opq") : std::string(pick(kNames));
  if (path.ends_with(".wh..wh..wh..opq")) path = ".wh..wh..opq";
  TarBuilder::Fields member{.name = path, .type = pick(kTypes)};
  if (member.type == '0') member.contents = std::to_string(random());
  if (member.type == '2') member.link = pick(kTargets);
  if (member.type == '1') member.link = cat(pick(kNames), random() % 2 == 0 ? "" : "/b");
  // A link to itself says nothing; where it is below a file only one of the formats notices.
  if (member.type == '1' && member_path(path, {}).value_or("") == member.link) member.link = "nothing";
  if (member.type == '3') member.major = member.minor = "1";
  return member;
}

}  // namespace

TEST_CASE("random archives leave the rest alone and become what they say") {
  ScratchDirectory scratch;
  REQUIRE(make_directories(scratch.path + "/guard/layer", 0700));
  REQUIRE(write_file_atomically(scratch.path + "/guard/outside", "untouched"));
  auto guard = [&] {
    UniqueFd root(open((scratch.path + "/guard").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    return list_tree(root.get(), {.directory_times = false});
  };
  std::vector<std::string> before = guard();
  Store store = make_store(scratch.path + "/store");
  std::mt19937 random(20240229);
  unsigned accepted = 0, refused = 0;
  for (int round = 0; round < 150; ++round) {
    Model model;
    Result<std::unique_ptr<LayerSink>> sink = tree_sink(UnpackLimits(), scratch.path + "/guard/layer");
    REQUIRE(sink);
    std::string objects = cat(store.path(), "/tmp/objects-", round), log;
    REQUIRE(make_directories(objects, 0700));
    Result<std::unique_ptr<LayerSink>> twin = object_sink(store, objects);
    REQUIRE(twin);
    bool going = true;
    for (unsigned count = 1 + random() % 20; going && count > 0; --count) {
      TarBuilder::Fields member = random_member(random);
      log += cat(member.type, ' ', member.name, ' ', member.link, '\n');
      std::string archive = TarBuilder().add(member).end();
      MemorySource source(archive);
      TarReader reader(source, {});
      TarEntry entry;
      REQUIRE(*reader.next(entry));
      Result<> added = (*sink)->add(entry, reader);
      INFO(log << (added ? "" : added.error().text));
      bool expected = model.add(member);
      REQUIRE(added.has_value() == expected);
      // Whatever the format.
      MemorySource second(archive);
      TarReader twin_reader(second, {});
      REQUIRE(*twin_reader.next(entry));
      Result<> twin_added = (*twin)->add(entry, twin_reader);
      INFO((twin_added ? "" : twin_added.error().text));
      REQUIRE(twin_added.has_value() == expected);
      if (!added) CHECK(added.error().kind == Kind::kInvalid);
      going = added.has_value();
    }
    INFO(log);
    REQUIRE((*sink)->finish());
    (going ? accepted : refused)++;
    UniqueFd tree(open((scratch.path + "/guard/layer/tree").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // A refused member may have made directories on its way.
    if (going) REQUIRE(sorted_lines(walk(tree.get(), "")) == sorted_lines(model.text()));
    REQUIRE(remove_tree(scratch.path + "/guard/layer/tree"));
    REQUIRE(guard() == before);
  }
  CHECK(accepted > 20);
  CHECK(refused > 20);
}
