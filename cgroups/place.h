#pragma once
// The directory of one container in one hierarchy, and the ways to touch what is in it.
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "cgroups/host.h"

namespace shoji {

struct Place {
  std::string mount;  // mount point of the hierarchy
  std::string dir;    // absolute
  std::vector<std::string>
      parents;  // between mount and dir: those that did not exist when planned, outermost first
  bool unified = false;
  bool known = false;         // controllers is filled in
  ControllerSet controllers;  // v1: what is bound here; v2: what the cgroup has been given (load_controllers)
  bool fresh = false;         // create() made the directory
  bool ours =
      false;  // made, taken over empty, or named by from_paths(): only such a one is killed and removed
  std::string withheld;  // v2: why it has not been given more, a clause for messages
  UniqueFd fd;           // O_PATH, once opened
};

// Where a controller is bound (v1); else the unified place; else null.
Place* place_of(std::vector<Place>& places, Controller controller);

// Opens place.dir; nothing to do if it is open. kNotFound when there is no such cgroup.
Result<> open_place(Place& place);
// Finds out which controllers a v2 cgroup has been given; nothing to do if that is known.
Result<> load_controllers(Place& place);

// The text of a file in the cgroup without the trailing newline. kNotFound when the kernel does not have the
// knob, or the cgroup is gone.
Result<std::string> read_knob(const Place& place, const std::string& file);
Result<> write_knob(const Place& place, const std::string& file, std::string_view text);
[[nodiscard]] bool has_knob(const Place& place, const std::string& file);

// The words for an errno from a knob. They avoid "No such file or directory" and "Permission denied", from
// which podman concludes that the container's program is missing or must not be executed.
std::string knob_errno_text(int err);

// The names of the cgroups directly below an open cgroup directory.
Result<std::vector<std::string>> child_cgroups(int dir);

}  // namespace shoji
