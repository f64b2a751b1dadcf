#include "cgroups/controllers.h"

#include <array>

namespace shoji {
namespace {

// A new controller is a file that turns resources into knob writes, and a row here.
constexpr std::array kRows = {
    ControllerRow{Controller::kMemory, plan_memory_v1, plan_memory_v2},
    ControllerRow{Controller::kCpu, plan_cpu_v1, plan_cpu_v2},
    ControllerRow{Controller::kCpuset, plan_cpuset, plan_cpuset},
    ControllerRow{Controller::kPids, plan_pids, plan_pids},
    ControllerRow{Controller::kIo, plan_io_v1, plan_io_v2},
    ControllerRow{Controller::kHugetlb, plan_hugetlb_v1, plan_hugetlb_v2},
    ControllerRow{Controller::kRdma, plan_rdma, plan_rdma},
    ControllerRow{Controller::kNetCls, plan_net_class_v1, plan_net_class_v2},
    ControllerRow{Controller::kNetPrio, plan_net_priority_v1, plan_net_priority_v2},
};

}  // namespace

std::span<const ControllerRow> controller_rows() {
  return kRows;
}

Result<> plan_unified(const Resources& resources, KnobWrites& out) {
  for (const auto& [key, value] : resources.unified) {
    if (key.empty() || key.find('/') != std::string::npos || key.find('.') == std::string::npos) {
      return fail(Kind::kInvalid,
                  cat("linux.resources.unified: ", quote(key), " is not the name of a cgroup v2 file"));
    }
    // Nested-keyed files (io.max) take one line per write(2).
    std::string_view rest = value;
    do {
      size_t end = std::min(rest.find('\n'), rest.size());
      std::string line(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      out.push_back({
          .file = key,
          .text = line,
          .limit = cat("unified ", quote(key), " = ", quote(line)),
      });
    } while (!rest.empty());
  }
  return {};
}

std::string human_bytes(uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  return cat(bytes, ' ', kUnits[unit]);
}

}  // namespace shoji
