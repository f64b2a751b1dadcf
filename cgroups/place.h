#pragma once
// The directory of one container in one hierarchy, and the ways to touch its knobs.
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "cgroups/host.h"

namespace shoji {

struct Place {
  std::string mount;                 // mount point of the hierarchy
  std::string dir;                   // absolute
  std::vector<std::string> parents;  // between mount and dir: those that did not exist when planned, outermost first
  bool unified = false;
  ControllerSet controllers;  // v1: what is bound here; v2: what the cgroup has been given, once opened
  std::string withheld;       // v2: why it has not been given more, a clause for messages
  bool made = false;          // by this object's create()
  UniqueFd fd;                // O_PATH, once opened
};

// Opens place.dir, and reads what a v2 cgroup has been given. Opened already: nothing.
Result<> open_place(Place& place);
// A knob's text without the trailing newline; kNotFound when the knob or the cgroup is not there.
Result<std::string> read_knob(const Place& place, const std::string& file);
Result<> write_knob(const Place& place, const std::string& file, std::string_view text);

}  // namespace shoji
