#include "tests/integration/bundle.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "tests/integration/default_config.h"

namespace shoji::test {

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

// The probe, copied once so that each root can have a hard link to it: TMPDIR may be another file system.
const std::string& shared_probe() {
  static const TemporaryDirectory directory;
  static const std::string path = [] {
    std::string copy = directory.path() + "/probe";
    fs::copy_file(SHOJI_PROBE, copy);
    return copy;
  }();
  return path;
}

json::json_pointer pointer_of(std::string_view text) {
  return json::json_pointer(std::string(text));
}

}  // namespace

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_text(const std::string& path, std::string_view text, unsigned mode) {
  std::ofstream(path).write(text.data(), static_cast<std::streamsize>(text.size()));
  chmod(path.c_str(), mode);
}

std::string temporary_base() {
  const char* directory = getenv("TMPDIR");
  return directory != nullptr && *directory != 0 ? directory : "/tmp";
}

TemporaryDirectory::TemporaryDirectory() {
  path_ = temporary_base() + "/shoji-itest.XXXXXX";
  if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp " + path_);
  chmod(path_.c_str(), 0755);  // user namespaces have to reach the root inside
}

namespace {

// What is mounted below a directory, parents first.
std::vector<std::string> mounts_below(const std::string& directory) {
  std::vector<std::string> result;
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    auto field = words(line);
    if (field.size() > 4 && field[4].starts_with(directory)) result.push_back(field[4]);
  }
  return result;
}

}  // namespace

TemporaryDirectory::~TemporaryDirectory() {
  auto mounts = mounts_below(path_);
  for (size_t i = mounts.size(); i > 0; i--) umount2(mounts[i - 1].c_str(), MNT_DETACH);
  // A bind mount that could not be taken off shows the host's files: better to leave the directory.
  if (!mounts_below(path_).empty()) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::vector<std::string> words(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::vector<std::string> result;
  for (std::string word; in >> word;) result.push_back(word);
  return result;
}

std::string json_string(std::string_view text) {
  return json(text).dump();
}
std::string json_list(const std::vector<std::string>& items) {
  return json(items).dump();
}

std::string json_at(std::string_view document, std::string_view pointer) {
  json value = json::parse(document, nullptr, false);
  if (value.is_discarded() || !value.contains(pointer_of(pointer))) return "";
  const json& found = value.at(pointer_of(pointer));
  return found.is_string() ? found.get<std::string>() : found.dump();
}

bool is_json(std::string_view document) {
  return json::accept(document);
}

struct Bundle::Document {
  json root = json::parse(kDefaultConfig);
};

Bundle::Bundle(const std::string& directory) : path_(directory), document_(std::make_unique<Document>()) {
  fs::create_directories(rootfs());
  if (::link(shared_probe().c_str(), (rootfs() + "/probe").c_str()) != 0)
    throw std::runtime_error("a link to the probe in " + rootfs());
}

Bundle::~Bundle() = default;

Bundle& Bundle::set(std::string_view pointer, std::string_view value) {
  document_->root[pointer_of(pointer)] = json::parse(value);
  return *this;
}

Bundle& Bundle::add(std::string_view pointer, std::string_view value) {
  document_->root[pointer_of(pointer)].push_back(json::parse(value));
  return *this;
}

Bundle& Bundle::drop(std::string_view pointer) {
  auto p = pointer_of(pointer);
  json& parent = document_->root.at(p.parent_pointer());
  if (parent.is_array())
    parent.erase(static_cast<size_t>(std::stoul(p.back())));
  else
    parent.erase(p.back());
  return *this;
}

Bundle& Bundle::args(const std::vector<std::string>& values) {
  document_->root["process"]["args"] = values;
  return *this;
}

Bundle& Bundle::probe(std::string_view commands) {
  std::vector<std::string> list = words(commands);
  list.insert(list.begin(), "/probe");
  return args(list);
}

Bundle& Bundle::mount(std::string_view destination, std::string_view type, std::string_view source,
                      std::string_view options) {
  json list = json::array();
  std::stringstream in{std::string(options)};
  for (std::string option; std::getline(in, option, ',');) list.push_back(option);
  json entry = {{"destination", destination}, {"source", source}, {"options", list}};
  if (!type.empty()) entry["type"] = type;
  document_->root["mounts"].push_back(entry);
  return *this;
}

Bundle& Bundle::drop_mount(std::string_view destination) {
  auto& mounts = document_->root["mounts"];
  for (size_t i = 0; i < mounts.size(); i++)
    if (mounts[i]["destination"] == destination) mounts.erase(i--);
  return *this;
}

Bundle& Bundle::capabilities(const std::vector<std::string>& names) {
  for (const char* set : {"bounding", "effective", "permitted", "inheritable", "ambient"})
    document_->root["process"]["capabilities"][set] = names;
  return *this;
}

Bundle& Bundle::drop_namespace(std::string_view type) {
  auto& list = document_->root["linux"]["namespaces"];
  for (size_t i = 0; i < list.size(); i++)
    if (list[i]["type"] == type) list.erase(i--);
  return *this;
}

Bundle& Bundle::user_namespace() {
  add("/linux/namespaces", R"({"type": "user"})");
  add("/linux/uidMappings", R"({"containerID": 0, "hostID": 100000, "size": 65536})");
  add("/linux/gidMappings", R"({"containerID": 0, "hostID": 200000, "size": 65536})");
  // The probe itself stays root's: it is a link that other roots share.
  if (chown(rootfs().c_str(), 100000, 200000) != 0) throw std::runtime_error("chown " + rootfs());
  for (const auto& entry : fs::recursive_directory_iterator(rootfs()))
    if (entry.path().filename() != "probe" && lchown(entry.path().c_str(), 100000, 200000) != 0)
      throw std::runtime_error("chown " + entry.path().string());
  return *this;
}

std::string Bundle::document() const {
  return document_->root.dump(1);
}

void Bundle::save() const {
  if (!raw_) write_text(path_ + "/config.json", document());
}

Bundle& Bundle::raw(std::string_view text) {
  raw_ = true;
  write_text(path_ + "/config.json", text);
  return *this;
}

Bundle& Bundle::file(std::string_view path, std::string_view text, unsigned mode) {
  std::string full = rootfs() + "/" + std::string(path);
  fs::create_directories(fs::path(full).parent_path());
  write_text(full, text, mode);
  return *this;
}

Bundle& Bundle::dir(std::string_view path) {
  fs::create_directories(rootfs() + "/" + std::string(path));
  return *this;
}

Bundle& Bundle::link(std::string_view target, std::string_view path) {
  fs::path full = rootfs() + "/" + std::string(path);
  fs::create_directories(full.parent_path());
  fs::create_symlink(target, full);
  return *this;
}

bool Bundle::exists(std::string_view path) const {
  struct stat s{};
  return lstat((rootfs() + "/" + std::string(path)).c_str(), &s) == 0;
}

std::string Bundle::read(std::string_view path) const {
  return read_text(rootfs() + "/" + std::string(path));
}

}  // namespace shoji::test
