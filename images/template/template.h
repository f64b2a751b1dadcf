#pragma once
// Root filesystems from distribution packages (mmdebstrap), as images: the same inputs give the same digest.
#include "images/transfer/transfer.h"

namespace shoji::images {

// The JSON description; docs/templates.md has every key. Validated with JSON pointers.
struct Template {
  std::string name;
  std::string distribution = "debian", suite = "bookworm", variant = "minbase", mirror;
  std::vector<std::string> packages, exclude;
  struct File {
    std::string path, content, source;  // content, or a file beside the description
    uint32_t mode = 0644, uid = 0, gid = 0;
    std::string link;
  };
  std::vector<File> files;
  std::vector<std::string> remove;  // paths that are not wanted
  std::vector<std::string> run;     // shell commands inside the root, before it is packed
  ImageConfig config;
};
Result<Template> load_template(const std::string& name_or_path);  // a name: the ones that come with Shoji
struct BuildOptions {
  Reference name;
  bool no_cache = false;
};
Result<Image> build_template(const Store& store, const Template& description, const BuildOptions& options,
                             Progress& progress);

}  // namespace shoji::images
