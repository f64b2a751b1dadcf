#include "tests/cgroups/fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "base/io.h"

namespace shoji::fixture {
namespace {

void make(const std::string& directory, const Node& node) {
  std::string path = directory + "/" + node.name;
  if (!node.directory) {
    std::ofstream(path) << node.text;
    return;
  }
  if (mkdir(path.c_str(), 0755) != 0) throw std::runtime_error("mkdir " + path);
  for (const Node& inner : node.inside) make(path, inner);
}

}  // namespace

Tree::Tree(const std::vector<Node>& nodes) {
  std::string pattern = "/tmp/shoji-fixture-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  root_ = pattern;
  for (const Node& node : nodes) make(root_, node);
}

Tree::~Tree() {
  ignore(remove_tree(root_), "a destructor");
}

std::string Tree::text(const std::string& name) const {
  return read_file(path(name)).value_or("<absent>");
}

bool Tree::exists(const std::string& name) const {
  return access(path(name).c_str(), F_OK) == 0;
}

Node proc(const std::vector<MountLine>& mounts, const std::string& own_cgroups) {
  std::string text = "20 1 0:18 / / rw - ext4 /dev/vda rw\n";
  for (const MountLine& mount : mounts) {
    text += "30 20 0:26 " + mount.root + " " + mount.point + " rw,nosuid shared:9 - " + mount.type +
            " source " + mount.options + "\n";
  }
  return dir("proc", {dir("self", {file("mountinfo", text), file("cgroup", own_cgroups)})});
}

Node proc_unified(const std::string& own) {
  return proc({{"/", "/sys/fs/cgroup", "cgroup2", "rw,nsdelegate"}}, "0::" + own + "\n");
}

Node proc_hybrid(const std::string& own) {
  std::vector<MountLine> mounts;
  std::string cgroups;
  for (const char* name : {"cpu", "cpuacct", "cpuset", "memory", "blkio", "pids", "devices", "freezer"}) {
    mounts.push_back({"/", std::string("/sys/fs/cgroup/") + name, "cgroup", std::string("rw,") + name});
    cgroups += std::string("1:") + name + ":" + own + "\n";
  }
  mounts.push_back({"/", "/sys/fs/cgroup/systemd", "cgroup", "rw,xattr,name=systemd"});
  mounts.push_back({"/", "/sys/fs/cgroup/unified", "cgroup2", "rw"});
  return proc(mounts, cgroups + "9:name=systemd:" + own + "\n0::" + own + "\n");
}

Node proc_debian_legacy() {
  return proc({{"/", "/sys/fs/cgroup/systemd", "cgroup", "rw,xattr,name=systemd"},
               {"/", "/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct"},
               {"/", "/sys/fs/cgroup/net_cls,net_prio", "cgroup", "rw,net_cls,net_prio"},
               {"/", "/sys/fs/cgroup/memory", "cgroup", "rw,memory"}},
              "4:memory:/user.slice\n3:net_cls,net_prio:/\n2:cpu,cpuacct:/user.slice\n1:name=systemd:/"
              "user.slice/1\n");
}

Node v2_cgroup(std::string name, const std::string& controllers, std::vector<Node> more) {
  Node node = dir(std::move(name), {file("cgroup.controllers", controllers + "\n"), file("cgroup.procs"),
                                    file("cgroup.subtree_control", "\n"), file("cgroup.freeze", "0\n"),
                                    file("cgroup.events", "populated 0\nfrozen 0\n")});
  for (Node& inner : more) node.inside.push_back(std::move(inner));
  return node;
}

}  // namespace shoji::fixture
