// Memory limits: v1 memory.*_in_bytes, v2 memory.max, memory.low, memory.swap.max.
#include "cgroups/controllers.h"

namespace shoji {
namespace {

constexpr uint64_t kDefaultSwappiness = 60;  // vm.swappiness, Documentation/admin-guide/sysctl/vm.rst

std::string sentence_value(int64_t value) {
  return value < 0 ? "unlimited" : human_bytes(static_cast<uint64_t>(value));
}

KnobWrite bytes_knob(const char* file, const char* name, int64_t value, std::string text) {
  return {
      .file = file,
      .text = std::move(text),
      .limit = cat(name, ' ', sentence_value(value)),
      .is_default = value < 0,
  };
}

// As in runc and crun, 0 says nothing and -1 lifts the limit.
bool is_set(const std::optional<int64_t>& value) {
  return value.value_or(0) != 0;
}

Result<> check_range(const char* name, const std::optional<int64_t>& value) {
  if (value.value_or(0) >= -1) return {};
  return fail(Kind::kInvalid,
              cat("limit ", name, ' ', *value, ": must be -1 (unlimited), 0 (not set) or a number of bytes"));
}

Failure refused(const std::string& limit, const char* why) {
  return fail(Kind::kUnsupported, cat("limit ", limit, ": ", why));
}

// What neither version can do, and what both must agree upon.
Result<> check_common(const MemoryResources& memory) {
  TRY(check_range("memory", memory.limit));
  TRY(check_range("memory reservation", memory.reservation));
  TRY(check_range("memory swap", memory.swap));
  TRY(check_range("memory kernel", memory.kernel));
  TRY(check_range("memory kernelTCP", memory.kernel_tcp));
  if (memory.kernel.value_or(0) > 0) {
    // Since Linux 5.16 memory.kmem.limit_in_bytes takes any value and does nothing.
    return refused(cat("memory kernel ", sentence_value(*memory.kernel)),
                   "Linux no longer limits kernel memory apart; it counts towards the memory limit");
  }
  if (!memory.use_hierarchy.value_or(true)) {
    return refused("memory useHierarchy false", "Linux always accounts memory hierarchically");
  }
  int64_t limit = memory.limit.value_or(0);
  int64_t swap = memory.swap.value_or(0);
  if (limit > 0 && swap > 0 && swap < limit) {
    return fail(Kind::kInvalid, cat("limit memory swap ", sentence_value(swap),
                                    ": it is the sum of memory and swap, and less than the memory limit ",
                                    sentence_value(limit)));
  }
  return {};
}

}  // namespace

Result<> plan_memory_v1(const Resources& resources, KnobWrites& out) {
  if (!resources.memory) return {};
  const MemoryResources& memory = *resources.memory;
  TRY(check_common(memory));
  auto add = [&](const char* file, const char* name, int64_t value) -> KnobWrite& {
    out.push_back(bytes_knob(file, name, value, cat(value)));
    return out.back();
  };
  // memory <= memory+swap holds at any time: when the limit rises above the old sum it is refused (EINVAL),
  // and written again after the sum.
  if (is_set(memory.limit)) add("memory.limit_in_bytes", "memory", *memory.limit);
  bool lift_both = memory.limit == -1 && !is_set(memory.swap);
  if (is_set(memory.swap) || lift_both) {
    add("memory.memsw.limit_in_bytes", "memory swap", lift_both ? -1 : *memory.swap).needs_swap = true;
  }
  if (is_set(memory.reservation))
    add("memory.soft_limit_in_bytes", "memory reservation", *memory.reservation);
  if (is_set(memory.kernel_tcp))
    add("memory.kmem.tcp.limit_in_bytes", "memory kernelTCP", *memory.kernel_tcp);
  if (memory.swappiness) {
    if (*memory.swappiness > 100) {
      return fail(Kind::kInvalid, cat("limit memory swappiness ", *memory.swappiness, ": must be 0 to 100"));
    }
    out.push_back({.file = "memory.swappiness",
                   .text = cat(*memory.swappiness),
                   .limit = cat("memory swappiness ", *memory.swappiness),
                   .is_default = *memory.swappiness == kDefaultSwappiness});
  }
  if (memory.disable_oom_killer) {
    out.push_back({.file = "memory.oom_control",
                   .text = *memory.disable_oom_killer ? "1" : "0",
                   .limit = cat("memory disableOOMKiller ", *memory.disable_oom_killer),
                   .is_default = !*memory.disable_oom_killer});
  }
  return {};
}

Result<> plan_memory_v2(const Resources& resources, KnobWrites& out) {
  if (!resources.memory) return {};
  const MemoryResources& memory = *resources.memory;
  TRY(check_common(memory));
  auto add = [&](const char* file, const char* name, int64_t value, int64_t written) -> KnobWrite& {
    out.push_back(bytes_knob(file, name, value, written < 0 ? "max" : cat(written)));
    return out.back();
  };
  if (is_set(memory.limit)) {
    add("memory.max", "memory", *memory.limit, *memory.limit).is_memory_max = *memory.limit > 0;
  }
  bool lift_both = memory.limit == -1 && !is_set(memory.swap);
  if (is_set(memory.swap) || lift_both) {
    int64_t swap = lift_both ? -1 : *memory.swap;
    // The document gives memory + swap, memory.swap.max is swap alone.
    int64_t limit = memory.limit.value_or(0);
    if (swap > 0 && limit <= 0) {
      return fail(Kind::kInvalid,
                  cat("limit memory swap ", sentence_value(swap),
                      ": it is the sum of memory and swap, and there is no memory limit to subtract"));
    }
    add("memory.swap.max", "memory swap", swap, swap < 0 ? -1 : swap - limit).needs_swap = true;
  }
  if (is_set(memory.reservation))
    add("memory.low", "memory reservation", *memory.reservation, *memory.reservation);
  if (memory.kernel_tcp.value_or(0) > 0) {
    return refused(cat("memory kernelTCP ", sentence_value(*memory.kernel_tcp)),
                   "cgroup v2 does not limit it apart");
  }
  if (memory.swappiness.value_or(kDefaultSwappiness) != kDefaultSwappiness) {
    return refused(cat("memory swappiness ", *memory.swappiness), "cgroup v2 has no swappiness per cgroup");
  }
  if (memory.disable_oom_killer.value_or(false)) {
    return refused("memory disableOOMKiller true", "cgroup v2 cannot switch the OOM killer off");
  }
  return {};
}

}  // namespace shoji
