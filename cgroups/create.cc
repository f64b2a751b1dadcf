// Cgroup::create() and delegate(): directories, controllers, v1 cpusets.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ranges>

#include "base/io.h"
#include "cgroups/cgroup_path.h"
#include "cgroups/manager.h"
#include "cgroups/processes.h"

namespace shoji {
namespace {

constexpr mode_t kDirectoryMode = 0755;
// Another container's delete may take an empty parent away between the two mkdirs: its loser tries again.
constexpr int kParentAttempts = 16;

Failure mkdir_failure(int err, const std::string& dir) {
  std::string sentence = cat("create cgroup ", quote(dir));
  // cgroup_mkdir() answers EAGAIN for the limits of Documentation/admin-guide/cgroup-v2.rst "Organizing
  // Processes".
  if (err == EAGAIN) {
    return fail(Kind::kState,
                cat(sentence, ": cgroup.max.descendants or cgroup.max.depth of a parent is reached"));
  }
  return fail_errno(err, sentence);
}

// True: the directory is new. False: it was there.
Result<bool> make_place(const Place& place) {
  for (int attempt = 0; attempt < kParentAttempts; ++attempt) {
    if (mkdir(place.dir.c_str(), kDirectoryMode) == 0) return true;
    if (errno == EEXIST) return false;
    if (errno != ENOENT) return mkdir_failure(errno, place.dir);
    std::string parent = parent_of(place.dir);
    TRY(make_directories(parent, kDirectoryMode));
  }
  return mkdir_failure(ENOENT, place.dir);
}

// Only the real root may have processes and hand controllers down (cgroups(7), "no internal processes"). Elsewhere the
// kernel refuses that; but not for cpu, cpuset and pids alone, which would make the cgroup a threaded one whose children
// take no processes. So it is not tried. The real root has no cgroup.type.
bool has_internal_processes(const std::string& dir) {
  if (access((dir + "/cgroup.type").c_str(), F_OK) != 0) return false;
  auto processes = read_file(dir + "/cgroup.procs");
  return processes && !processes->empty();
}

// "+cpu +memory" to one cgroup.subtree_control; if the kernel does not take them together, one by one, so
// that one that cannot be had (cpu while a realtime process runs: EINVAL) does not cost the others. Returns
// the first refusal.
std::string enable_controllers(const std::string& dir, ControllerSet wanted) {
  std::string file = dir + "/cgroup.subtree_control";
  if (has_internal_processes(dir)) return cat(quote(file), " takes none: there are processes in that cgroup");
  std::vector<std::string> words;
  std::string all;
  for (size_t i = 0; i < static_cast<size_t>(Controller::kCount); ++i) {
    if (!wanted.has(static_cast<Controller>(i))) continue;
    words.push_back(cat('+', controller_name(static_cast<Controller>(i), true)));
    all += cat(all.empty() ? "" : " ", words.back());
  }
  if (write_kernel_file(file, all)) return {};
  std::string refusal;
  for (const std::string& word : words) {
    auto written = write_kernel_file(file, word);
    if (written || !refusal.empty()) continue;
    refusal = cat(quote(file), " does not take ", quote(word), ": ", knob_errno_text(written.error().err));
  }
  return refusal;
}

Result<ControllerSet> controllers_in(const std::string& file) {
  TRY_ASSIGN(std::string list, read_file(file));
  while (list.ends_with('\n')) list.pop_back();
  return parse_controllers(list);
}

// Hands every controller of the root of the mount down to the new cgroup. Mostly they are there: two reads.
Result<> hand_controllers_down(Place& place) {
  TRY(load_controllers(place));
  TRY_ASSIGN(ControllerSet offered, controllers_in(place.mount + "/cgroup.controllers"));
  if (place.controllers.contains(offered)) return {};
  std::vector<std::string> way;
  for (std::string dir = parent_of(place.dir); dir.size() > place.mount.size(); dir = parent_of(dir))
    way.push_back(dir);
  way.push_back(place.mount);
  for (const std::string& dir : way | std::views::reverse) {
    TRY_ASSIGN(ControllerSet has, controllers_in(dir + "/cgroup.controllers"));
    TRY_ASSIGN(ControllerSet given, controllers_in(dir + "/cgroup.subtree_control"));
    if (given.contains(has)) continue;
    std::string refusal = enable_controllers(dir, has.without(given));
    if (place.withheld.empty()) place.withheld = refusal;
  }
  place.known = false;
  return load_controllers(place);
}

// A v1 cpuset starts without CPUs and memory nodes, and no process may enter such a one (cpuset(7)): take the
// parent's. Returns what is in force.
Result<std::string> inherit_cpuset(const std::string& mount, const std::string& dir,
                                   const std::string& file) {
  TRY_ASSIGN(std::string own, read_file(cat(dir, "/", file)));
  while (own.ends_with('\n')) own.pop_back();
  if (!own.empty() || dir.size() <= mount.size()) return own;
  TRY_ASSIGN(std::string inherited, inherit_cpuset(mount, parent_of(dir), file));
  TRY(write_kernel_file(cat(dir, "/", file), inherited));
  return inherited;
}

Result<> create_place(Place& place) {
  TRY_ASSIGN(place.fresh, make_place(place));
  place.ours = place.fresh;
  TRY(open_place(place));
  if (!place.fresh) TRY(refuse_if_in_use(place));
  place.ours = true;
  if (place.unified) return hand_controllers_down(place);
  if (place.controllers.has(Controller::kCpuset)) {
    for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
      auto inherited = inherit_cpuset(place.mount, place.dir, file);
      if (!inherited) return std::unexpected(std::move(inherited).error());
    }
  }
  return {};
}

}  // namespace

Result<> Cgroup::check_unused() {
  for (Place& place : places_) {
    auto opened = open_place(place);
    if (!opened && opened.error().kind == Kind::kNotFound) continue;
    TRY(opened);
    TRY(refuse_if_in_use(place));
  }
  return {};
}

Result<> Cgroup::create() {
  for (Place& place : places_) TRY(create_place(place));
  return {};
}

Result<> Cgroup::delegate(uid_t uid, gid_t gid) {
  Place* place = unified();
  // Delegation is a v2 notion (cgroup-v2.rst "Delegation"): v1 controllers are not safe to hand out.
  if (place == nullptr) return {};
  TRY(open_place(*place));
  auto listed = read_file("/sys/kernel/cgroup/delegate");
  std::string files = listed ? *listed : "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";
  if (chown(place->dir.c_str(), uid, gid) != 0)
    return fail_errno(errno, cat("chown cgroup ", quote(place->dir)));
  for (size_t start = 0, end = 0; (end = files.find('\n', start)) != std::string::npos; start = end + 1) {
    std::string file = files.substr(start, end - start);
    if (fchownat(place->fd.get(), file.c_str(), uid, gid, 0) != 0 && errno != ENOENT) {
      return fail_errno(errno, cat("chown ", quote(cat(place->dir, "/", file))));
    }
  }
  return {};
}

}  // namespace shoji
