#include "tests/integration/cgroup_view.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/integration/bundle.h"

namespace shoji::test {
namespace {

namespace fs = std::filesystem;

struct Hierarchy {
  std::string mount_point;
  std::string options;  // of the super block: names the controllers of v1
  bool v2 = false;
};

const std::vector<Hierarchy>& hierarchies() {
  static const std::vector<Hierarchy> all = [] {
    std::vector<Hierarchy> found;
    std::ifstream table("/proc/self/mountinfo");
    for (std::string line; std::getline(table, line);) {
      auto dash = line.find(" - ");
      auto left = words(line.substr(0, dash)), right = words(line.substr(dash + 3));
      if (right[0] == "cgroup" || right[0] == "cgroup2")
        found.push_back({left[4], "," + right.back() + ",", right[0] == "cgroup2"});
    }
    return found;
  }();
  return all;
}

bool v2_has(const Hierarchy& h, std::string_view controller) {
  for (const auto& name : words(read_text(h.mount_point + "/cgroup.controllers")))
    if (name == controller) return true;
  return false;
}

bool has(const Hierarchy& h, std::string_view controller) {
  if (controller.empty()) return h.v2;
  if (h.v2) return v2_has(h, controller == "blkio" ? "io" : controller);
  return h.options.find("," + std::string(controller) + ",") != std::string::npos;
}

const Hierarchy* find(std::string_view controller) {
  for (const auto& h : hierarchies())
    if (has(h, controller)) return &h;
  return nullptr;
}

}  // namespace

int controller_version(std::string_view controller) {
  const Hierarchy* h = find(controller);
  return h == nullptr ? 0 : h->v2 ? 2 : 1;
}

std::string hierarchy(std::string_view controller) {
  const Hierarchy* h = find(controller);
  return h == nullptr ? "" : h->mount_point;
}

std::string any_controller() {
  return find("") != nullptr ? "" : "pids";
}

std::optional<std::string> cgroup_file(std::string_view controller, std::string_view path,
                                       std::string_view file) {
  std::string full = hierarchy(controller) + std::string(path) + "/" + std::string(file);
  if (access(full.c_str(), F_OK) != 0) return std::nullopt;
  std::string text = read_text(full);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string cgroup_of(pid_t pid, std::string_view controller) {
  const Hierarchy* h = find(controller);
  std::ifstream table("/proc/" + std::to_string(pid) + "/cgroup");
  for (std::string line; h != nullptr && std::getline(table, line);) {
    auto first = line.find(':'), second = line.find(':', first + 1);
    std::string names = "," + line.substr(first + 1, second - first - 1) + ",";
    if (h->v2 ? names == ",," : names.find("," + std::string(controller) + ",") != std::string::npos)
      return line.substr(second + 1);
  }
  return "";
}

std::vector<std::string> cgroups_named(std::string_view part) {
  std::vector<std::string> found;
  for (const auto& h : hierarchies()) {
    std::error_code gone;  // others make and remove cgroups while we look
    for (fs::recursive_directory_iterator it(h.mount_point, gone), end; it != end && !gone;
         it.increment(gone))
      if (it->is_directory(gone) && it->path().string().find(part) != std::string::npos)
        found.push_back(it->path().string());
  }
  return found;
}

void remove_cgroups_named(std::string_view part) {
  auto found = cgroups_named(part);
  for (size_t i = found.size(); i > 0; i--) rmdir(found[i - 1].c_str());
}

}  // namespace shoji::test
