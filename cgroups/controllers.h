#pragma once
// From the resources of a specification to what is written into which knob: pure functions, one file per
// controller.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cgroups/host.h"
#include "spec/spec.h"

namespace shoji {

struct KnobWrite {
  std::string file = {};
  std::string text = {};
  std::string limit = {};   // for messages: "memory 64 MiB"
  bool is_default = false;  // what a fresh cgroup does anyway: that the host has no such knob is fine
  bool is_extra = false;    // goes with another write; kernels that do not have the knob do without
  bool needs_swap = false;  // holds by itself on a host that has no swap
  bool is_memory_max =
      false;  // lowering it below the usage would kill: reclaim, and refuse if that is not enough
  bool keep_first_word = false;  // only what follows the first word of the present value is replaced
  std::string other_file = {};   // to be used where the kernel does not have `file`; empty: none
  std::string other_text = {};
};

using KnobWrites = std::vector<KnobWrite>;

// What a limit becomes under one cgroup version: adds to the list, or refuses what that version cannot
// express.
using Planner = Result<> (*)(const Resources&, KnobWrites&);

struct ControllerRow {
  Controller controller;
  Planner plan_v1;
  Planner plan_v2;
};

std::span<const ControllerRow> controller_rows();

Result<> plan_cpu_v1(const Resources& resources, KnobWrites& out);
Result<> plan_cpu_v2(const Resources& resources, KnobWrites& out);
Result<> plan_cpuset(const Resources& resources, KnobWrites& out);
Result<> plan_memory_v1(const Resources& resources, KnobWrites& out);
Result<> plan_memory_v2(const Resources& resources, KnobWrites& out);
Result<> plan_io_v1(const Resources& resources, KnobWrites& out);
Result<> plan_io_v2(const Resources& resources, KnobWrites& out);
Result<> plan_pids(const Resources& resources, KnobWrites& out);
Result<> plan_hugetlb_v1(const Resources& resources, KnobWrites& out);
Result<> plan_hugetlb_v2(const Resources& resources, KnobWrites& out);
Result<> plan_rdma(const Resources& resources, KnobWrites& out);
Result<> plan_net_class_v1(const Resources& resources, KnobWrites& out);
Result<> plan_net_class_v2(const Resources& resources, KnobWrites& out);
Result<> plan_net_priority_v1(const Resources& resources, KnobWrites& out);
Result<> plan_net_priority_v2(const Resources& resources, KnobWrites& out);

// linux.resources.unified: the knobs of a v2 cgroup by their own names.
Result<> plan_unified(const Resources& resources, KnobWrites& out);

// The conversions that v2 makes necessary.
uint64_t cpu_weight_from_shares(uint64_t shares);
uint64_t io_weight_from_blkio(uint64_t weight);

// "64 MiB", "1 GiB", "1000 bytes": the largest unit that gives a whole number.
std::string human_bytes(uint64_t bytes);

}  // namespace shoji
