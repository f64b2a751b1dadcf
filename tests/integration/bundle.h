#pragma once
// A bundle in a temporary directory: the probe as the only file of its root, and a configuration that starts
// as the default one and is changed by JSON pointers.
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace shoji::test {

std::string temporary_base();  // TMPDIR, else /tmp

// A directory that goes away with the object; mounts below it are taken off first.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::vector<std::string> words(std::string_view text);  // split at blanks
std::string json_string(std::string_view text);         // as a JSON string
std::string json_list(const std::vector<std::string>& items);

// Reading of documents the runtime prints: the value at `pointer` as text (strings without quotes), "" if
// absent.
std::string json_at(std::string_view document, std::string_view pointer);
bool is_json(std::string_view document);

class Bundle {
 public:
  explicit Bundle(const std::string& directory);
  ~Bundle();
  Bundle(const Bundle&) = delete;
  Bundle& operator=(const Bundle&) = delete;

  // The document. `json` is a JSON value; set() makes what is missing on the way, add() appends to a list.
  Bundle& set(std::string_view pointer, std::string_view json);
  Bundle& add(std::string_view pointer, std::string_view json);
  Bundle& drop(std::string_view pointer);
  Bundle& probe(std::string_view commands);              // process.args: the probe and these words
  Bundle& args(const std::vector<std::string>& values);  // process.args
  Bundle& mount(std::string_view destination, std::string_view type, std::string_view source,
                std::string_view options);  // options: separated by commas
  Bundle& drop_mount(std::string_view destination);
  Bundle& capabilities(const std::vector<std::string>& names);  // in all five sets
  Bundle& drop_namespace(std::string_view type);
  Bundle& user_namespace();  // container 0 is host 100000; the root file system changes owner too
  [[nodiscard]] std::string document() const;
  void save() const;                   // writes config.json, unless raw() did
  Bundle& raw(std::string_view text);  // config.json, verbatim

  // The root file system; paths are relative to it.
  Bundle& file(std::string_view path, std::string_view text, unsigned mode = 0644);
  Bundle& dir(std::string_view path);
  Bundle& link(std::string_view target, std::string_view path);
  [[nodiscard]] bool exists(std::string_view path) const;  // without following a link at the end
  [[nodiscard]] std::string read(std::string_view path) const;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string rootfs() const { return path_ + "/rootfs"; }

 private:
  struct Document;
  std::string path_;
  std::unique_ptr<Document> document_;
  bool raw_ = false;
};

std::string read_text(const std::string& path);  // "" if it is not there
void write_text(const std::string& path, std::string_view text, unsigned mode = 0644);

}  // namespace shoji::test
