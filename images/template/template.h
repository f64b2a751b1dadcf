#pragma once
// Root filesystems from distribution packages (mmdebstrap), as images: the same package versions give the same digest.
// docs/templates.md has every key of a description.
#include "images/transfer/transfer.h"

namespace shoji::images {

struct Template {
  std::string name;
  std::string directory;  // of the description: where `source` of a file is looked for
  std::string description;
  std::string suite;  // empty in the description: this host's own
  std::string variant = "minbase";
  std::vector<std::string> mirrors;   // as mmdebstrap takes them; empty: this host's apt sources
  std::vector<std::string> packages;  // beside those of the variant
  std::vector<std::string> exclude;   // path patterns that dpkg does not unpack
  struct File {
    std::string path;
    std::string content, source,
        link;  // exactly one: text, a file beside the description, a symbolic link's target
    uint32_t mode = 0644, uid = 0, gid = 0;
  };
  std::vector<File> files;
  std::vector<std::string> run;     // shell commands inside the root, after packages and files
  std::vector<std::string> remove;  // paths that are not wanted in the end; "DIRECTORY/*": only what is in it
  ImageConfig config;
};

// A path (with a slash, or ending in .json), or a name: NAME.json in $SHOJI_TEMPLATES, then where Shoji is installed,
// then examples/templates of the checkout it was built in. An unknown key is kInvalid with its JSON pointer.
Result<Template> load_template(const std::string& name_or_path);
Result<Template> parse_template(std::string text, const std::string& path);
struct ListedTemplate {
  std::string name, path, description;
};
// Those that a name finds, sorted. One that cannot be read has the reason as its description.
std::vector<ListedTemplate> list_templates();

struct BuildOptions {
  Reference name;  // empty: the template's name
  bool no_cache = false;
};
// Nothing is built when the same inputs were built before: description, files, and the package lists that apt has.
Result<Image> build_template(const Store& store, const Template& description, const BuildOptions& options,
                             Progress& progress);

}  // namespace shoji::images
