// Which CPUs and which memory nodes: the same files in both versions.
#include "cgroups/controllers.h"

namespace shoji {

Result<> plan_cpuset(const Resources& resources, KnobWrites& out) {
  if (!resources.cpu) return {};
  auto add = [&](const char* file, const char* name, const std::string& list) {
    if (list.empty()) return;
    out.push_back({.file = file, .text = list, .limit = cat(name, ' ', quote(list))});
  };
  add("cpuset.cpus", "cpu cpus", resources.cpu->cpus);
  add("cpuset.mems", "cpu mems", resources.cpu->mems);
  return {};
}

}  // namespace shoji
