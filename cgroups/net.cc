// Marks on network traffic: v1 net_cls and net_prio. cgroup v2 has neither.
#include "cgroups/controllers.h"

namespace shoji {

Result<> plan_net_class_v1(const Resources& resources, KnobWrites& out) {
  if (!resources.network || !resources.network->class_id) return {};
  uint32_t id = *resources.network->class_id;
  out.push_back({.file = "net_cls.classid",
                 .text = cat(id),
                 .limit = cat("network classID ", id),
                 .is_default = id == 0});
  return {};
}

Result<> plan_net_class_v2(const Resources& resources, KnobWrites& /*out*/) {
  if (!resources.network || resources.network->class_id.value_or(0) == 0) return {};
  return fail(Kind::kUnsupported, cat("limit network classID ", *resources.network->class_id,
                                      ": this host has no net_cls controller (cgroup v1)"));
}

Result<> plan_net_priority_v1(const Resources& resources, KnobWrites& out) {
  if (!resources.network) return {};
  for (const InterfacePriority& entry : resources.network->priorities) {
    std::string text = cat(entry.name, ' ', entry.priority);
    out.push_back({.file = "net_prio.ifpriomap",
                   .text = text,
                   .limit = cat("network priorities ", quote(text)),
                   .is_default = entry.priority == 0});
  }
  return {};
}

Result<> plan_net_priority_v2(const Resources& resources, KnobWrites& /*out*/) {
  if (!resources.network) return {};
  for (const InterfacePriority& entry : resources.network->priorities) {
    if (entry.priority == 0) continue;
    return fail(Kind::kUnsupported,
                cat("limit network priorities ", quote(cat(entry.name, ' ', entry.priority)),
                    ": this host has no net_prio controller (cgroup v1)"));
  }
  return {};
}

}  // namespace shoji
