#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/io.h"
#include "base/path.h"
#include "images/store/durable.h"
#include "images/template/template.h"

namespace shoji::images {

namespace {

constexpr size_t kDescriptionLimit = 4 << 20;
constexpr std::string_view kEnding = ".json";

// Where a name is looked for. The program may be in a build tree, or installed: the templates lie above or beside it.
std::vector<std::string> search_path() {
  std::vector<std::string> places;
  if (const char* own = getenv("SHOJI_TEMPLATES"); own != nullptr && *own != '\0') places.emplace_back(own);
  char program[4096];
  ssize_t n = readlink("/proc/self/exe", program, sizeof program);
  std::string at(program, n > 0 ? static_cast<size_t>(n) : 0);
  for (int levels = 0; levels < 6 && !at.empty(); ++levels) {
    at = at.substr(0, at.rfind('/'));
    places.push_back(at + "/share/shoji/templates");
    places.push_back(at + "/examples/templates");
  }
  return places;
}

Result<Template> read_template(const std::string& path) {
  TRY_ASSIGN(std::string text, read_file(path, kDescriptionLimit));
  return parse_template(std::move(text), path);
}

}  // namespace

Result<Template> load_template(const std::string& name_or_path) {
  if (name_or_path.find('/') != std::string::npos || name_or_path.ends_with(kEnding))
    return read_template(name_or_path);
  for (const std::string& place : search_path()) {
    const std::string path = cat(place, '/', name_or_path, kEnding);
    if (access(path.c_str(), F_OK) == 0) return read_template(path);
  }
  return fail(Kind::kNotFound, cat("there is no template ", quote(name_or_path)));
}

std::vector<ListedTemplate> list_templates() {
  std::vector<ListedTemplate> out;
  for (const std::string& place : search_path()) {
    for (const std::string& file : list_directory(AT_FDCWD, place).value_or(std::vector<std::string>())) {
      if (!file.ends_with(kEnding)) continue;
      ListedTemplate listed{.name = file.substr(0, file.size() - kEnding.size()),
                            .path = cat(place, '/', file),
                            .description = {}};
      // The first place counts, as in load_template().
      if (std::ranges::any_of(out, [&](const ListedTemplate& other) { return other.name == listed.name; }))
        continue;
      auto read = read_template(listed.path);
      listed.description = read ? read->description : read.error().text;
      out.push_back(std::move(listed));
    }
  }
  std::ranges::sort(out, {}, &ListedTemplate::name);
  return out;
}

}  // namespace shoji::images
