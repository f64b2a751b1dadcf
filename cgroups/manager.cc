#include "cgroups/manager.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/io.h"
#include "cgroups/cgroup_path.h"
#include "cgroups/processes.h"

namespace shoji {
namespace {

// Where relative paths begin, as an absolute path inside the hierarchy.
Result<std::string> relative_base(const Hierarchy& hierarchy, std::string_view proc_self_cgroup) {
  TRY_ASSIGN(std::string own, own_cgroup(proc_self_cgroup, hierarchy.name));
  // Without a cgroup namespace of its own, a container sees host paths here but has only its own cgroup
  // mounted.
  if (hierarchy.root != "/" && is_at_or_below(own, hierarchy.root)) own.erase(0, hierarchy.root.size());
  own = clean_cgroup_path(own);
  if (own.empty()) own.push_back('/');
  return hierarchy.unified ? parent_of(own) : own;
}

std::string join(std::string base, std::string_view path) {
  if (base.ends_with('/')) base.pop_back();
  if (path.starts_with('/')) path.remove_prefix(1);
  if (!path.empty()) base += cat('/', path);
  return base;
}

// The directories above `dir` that are missing, outermost first.
std::vector<std::string> missing_parents(const std::string& mount, const std::string& dir) {
  std::vector<std::string> missing;
  for (std::string parent = parent_of(dir); parent.size() > mount.size(); parent = parent_of(parent)) {
    if (access(parent.c_str(), F_OK) == 0) break;
    missing.push_back(parent);
  }
  std::ranges::reverse(missing);
  return missing;
}

const Hierarchy* hierarchy_of(const CgroupHost& host, const std::string& path) {
  const Hierarchy* best = nullptr;
  for (const Hierarchy& hierarchy : host.hierarchies) {
    bool inside = is_at_or_below(path, hierarchy.mount) && path.size() > hierarchy.mount.size();
    if (inside && (best == nullptr || hierarchy.mount.size() > best->mount.size())) best = &hierarchy;
  }
  return best;
}

Place place_in(const Hierarchy& hierarchy, std::string dir) {
  Place place;
  place.mount = hierarchy.mount;
  place.dir = std::move(dir);
  place.unified = hierarchy.unified;
  place.known = !hierarchy.unified;
  place.controllers = hierarchy.controllers;
  return place;
}

}  // namespace

Result<Cgroup> Cgroup::plan(const CgroupHost& host, std::string_view cgroups_path, std::string_view id) {
  std::string wanted = clean_cgroup_path(cgroups_path.empty() ? id : cgroups_path);
  if (wanted.empty() || wanted == "/") {
    return fail(Kind::kInvalid,
                cat("linux.cgroupsPath ", quote(cgroups_path), " is the root of the hierarchy"));
  }
  bool relative = !wanted.starts_with('/');
  std::string own;
  if (relative) {
    TRY_ASSIGN(own, read_file(host.fixture_root + "/proc/self/cgroup"));
  }
  Cgroup cgroup;
  for (const Hierarchy& hierarchy : host.hierarchies) {
    std::string base = "/";
    if (relative) {
      TRY_ASSIGN(base, relative_base(hierarchy, own));
    }
    Place place = place_in(hierarchy, join(hierarchy.mount, join(base, wanted)));
    // Looked at again by create(). But whoever writes paths() down as the container's must not do so with somebody
    // else's cgroup: after a kill -9 it would be killed and removed.
    if (access(place.dir.c_str(), F_OK) == 0) {
      TRY(open_place(place));
      TRY(refuse_if_in_use(place));
      place.fd.reset();
    }
    place.parents = missing_parents(place.mount, place.dir);
    cgroup.places_.push_back(std::move(place));
  }
  return cgroup;
}

Result<Cgroup> Cgroup::from_paths(const CgroupHost& host, const std::vector<std::string>& paths) {
  Cgroup cgroup;
  for (const std::string& path : paths) {
    const Hierarchy* hierarchy = hierarchy_of(host, path);
    if (hierarchy == nullptr) {
      if (access(path.c_str(), F_OK) != 0) continue;
      return fail(Kind::kState, cat("cgroup ", quote(path), " is in no mounted hierarchy"));
    }
    auto known = std::ranges::find(cgroup.places_, hierarchy->mount, &Place::mount);
    if (known == cgroup.places_.end()) {
      cgroup.places_.push_back(place_in(*hierarchy, path));
    } else if (path.size() > known->dir.size()) {
      known->parents.push_back(std::exchange(known->dir, path));
    } else {
      known->parents.push_back(path);
    }
  }
  std::ranges::stable_partition(cgroup.places_, &Place::unified);
  for (Place& place : cgroup.places_) {
    std::ranges::sort(place.parents, {}, &std::string::size);
    place.ours = true;
  }
  return cgroup;
}

std::vector<std::string> Cgroup::paths() const {
  std::vector<std::string> all;
  for (const Place& place : places_) {
    all.insert(all.end(), place.parents.begin(), place.parents.end());
    all.push_back(place.dir);
  }
  return all;
}

std::string Cgroup::unified_path() const {
  return !places_.empty() && places_.front().unified ? places_.front().dir : "";
}

std::string Cgroup::controller_path(Controller controller) const {
  for (const Place& place : places_) {
    if (!place.unified && place.controllers.has(controller)) return place.dir;
  }
  return unified_path();
}

Place* Cgroup::unified() {
  return !places_.empty() && places_.front().unified ? &places_.front() : nullptr;
}

Result<int> Cgroup::unified_fd() {
  Place* place = unified();
  if (place == nullptr) return -1;
  TRY(open_place(*place));
  return place->fd.get();
}

Result<std::vector<UniqueFd>> Cgroup::open_v1_tasks() {
  std::vector<UniqueFd> tasks;
  for (Place& place : places_) {
    if (place.unified) continue;
    TRY(open_place(place));
    UniqueFd fd(openat(place.fd.get(), "tasks", O_WRONLY | O_CLOEXEC));
    if (!fd) {
      int err = errno;
      return fail(Kind::kSystem, cat("open ", quote(place.dir + "/tasks"), ": ", knob_errno_text(err)));
    }
    tasks.push_back(std::move(fd));
  }
  return tasks;
}

Result<> Cgroup::add_process(pid_t pid) {
  for (Place& place : places_) {
    TRY(open_place(place));
    TRY(write_knob(place, "cgroup.procs", cat(pid)));
  }
  return {};
}

Result<Cgroup> Cgroup::below(std::string_view sub) const {
  // As in runc, a way out of the container's cgroup is refused; bent, it would lead to a place nobody named.
  if (has_dot_dot(sub)) return fail(Kind::kInvalid, cat("cgroup ", quote(sub), ": \"..\" is not allowed"));
  std::string inside = clean_cgroup_path(cat('/', sub));
  Cgroup cgroup;
  for (const Place& place : places_) {
    Place lower;
    lower.mount = place.mount;
    lower.dir = join(place.dir, inside);
    lower.unified = place.unified;
    lower.known = !place.unified;
    if (!place.unified) lower.controllers = place.controllers;
    lower.ours = place.ours;
    TRY(open_place(lower));
    cgroup.places_.push_back(std::move(lower));
  }
  return cgroup;
}

}  // namespace shoji
