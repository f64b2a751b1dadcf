#pragma once
// Where cgroups are on this machine, be it v1, hybrid or v2.
#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoji::test {

// 1: a v1 hierarchy has the controller; 2: the v2 tree has it; 0: nobody has.
int controller_version(std::string_view controller);
// The mount point of a controller's hierarchy; "" names the v2 tree itself.
std::string hierarchy(std::string_view controller);
// A controller that this machine has in any case: "" for the v2 tree, else "pids".
std::string any_controller();
// A file of a cgroup: path as in linux.cgroupsPath. Absent file: nullopt. The last newline is cut off.
std::optional<std::string> cgroup_file(std::string_view controller, std::string_view path,
                                       std::string_view file);
// The path of a process in a controller's hierarchy.
std::string cgroup_of(pid_t pid, std::string_view controller);
// Every cgroup directory whose path contains `part`, parents first, in every hierarchy.
std::vector<std::string> cgroups_named(std::string_view part);
void remove_cgroups_named(std::string_view part);

}  // namespace shoji::test
