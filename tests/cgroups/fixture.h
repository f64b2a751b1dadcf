#pragma once
// A tree of plain files that looks like /proc and /sys/fs/cgroup, described as nested initialisers.
#include <initializer_list>
#include <string>
#include <vector>

namespace shoji::fixture {

struct Node {
  std::string name;
  bool directory = false;
  std::string text;
  std::vector<Node> inside;
};

inline Node file(std::string name, std::string text = "") {
  return {std::move(name), false, std::move(text), {}};
}
inline Node dir(std::string name, std::vector<Node> inside = {}) {
  return {std::move(name), true, "", std::move(inside)};
}

// Makes the tree in a new temporary directory, and removes it at the end.
class Tree {
 public:
  explicit Tree(const std::vector<Node>& nodes);
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree();

  [[nodiscard]] const std::string& root() const { return root_; }
  [[nodiscard]] std::string path(const std::string& name) const { return root_ + name; }
  [[nodiscard]] std::string text(const std::string& name) const;  // "<absent>" when there is no such file
  [[nodiscard]] bool exists(const std::string& name) const;

 private:
  std::string root_;
};

// /proc/self for a host: mountinfo lines "ROOT MOUNTPOINT TYPE SUPEROPTIONS", and the text of /proc/self/cgroup.
struct MountLine {
  std::string root, point, type, options;
};
Node proc(const std::vector<MountLine>& mounts, const std::string& own_cgroups);

// A v2-only host; a host with every controller in a v1 hierarchy of its own beside a v2 one; Debian's classic mounts.
Node proc_unified(const std::string& own = "/");
Node proc_hybrid(const std::string& own = "/");
Node proc_debian_legacy();

// A v2 cgroup with the files that Shoji touches, given these controllers.
Node v2_cgroup(std::string name, const std::string& controllers, std::vector<Node> more = {});

}  // namespace shoji::fixture
