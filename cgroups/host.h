#pragma once
// Which control group hierarchies this host has mounted, and which controllers live where.
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace shoji {

enum class Controller : uint8_t {
  kCpu,
  kCpuacct,
  kCpuset,
  kMemory,
  kIo,
  kPids,
  kHugetlb,
  kRdma,
  kDevices,
  kFreezer,
  kNetCls,
  kNetPrio,
  kPerf,
  kMisc,
  kCount
};

// The controller's name in /proc/self/mountinfo and cgroup.controllers. kIo is "io" in v2 and "blkio" in v1.
std::string_view controller_name(Controller controller, bool unified);

class ControllerSet {
 public:
  constexpr ControllerSet() = default;
  constexpr ControllerSet(std::initializer_list<Controller> list) {
    for (Controller controller : list) add(controller);
  }
  constexpr void add(Controller controller) { bits_ |= 1u << static_cast<unsigned>(controller); }
  [[nodiscard]] constexpr bool has(Controller controller) const {
    return (bits_ >> static_cast<unsigned>(controller)) & 1u;
  }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  [[nodiscard]] constexpr bool contains(ControllerSet other) const { return (other.bits_ & ~bits_) == 0; }
  [[nodiscard]] constexpr ControllerSet without(ControllerSet other) const {
    ControllerSet rest;
    rest.bits_ = bits_ & ~other.bits_;
    return rest;
  }
  friend constexpr bool operator==(ControllerSet, ControllerSet) = default;

 private:
  uint32_t bits_ = 0;
};

// The controllers in a space-separated list of v2 names; others are passed over.
ControllerSet parse_controllers(std::string_view list);

// One mounted hierarchy.
struct Hierarchy {
  std::string mount;       // the mount point, without a trailing slash
  std::string root = "/";  // what is mounted there: "/" unless somebody else's cgroup is bind-mounted
  bool unified = false;
  ControllerSet
      controllers;   // v1 only; which controllers a v2 cgroup has is written in its cgroup.controllers
  std::string name;  // v1 only: the field of /proc/self/cgroup ("cpu,cpuacct", "name=systemd")
};

struct CgroupHost {
  enum class Mode : uint8_t {
    kUnified,  // cgroup v2 alone
    kHybrid,   // v1 hierarchies and a v2 one
    kLegacy,   // v1 alone
  };

  Mode mode = Mode::kUnified;
  std::vector<Hierarchy> hierarchies;  // the unified one, if there is one, comes first
  std::string fixture_root;            // in front of every path below /proc; empty on a real host

  // A pure v2 host costs one statfs(2); others one read of /proc/self/mountinfo.
  static Result<CgroupHost> detect();
  // The same over <root>/proc/self/mountinfo, with <root> in front of every mount point: for fixture trees.
  static Result<CgroupHost> detect_at(const std::string& root);

  [[nodiscard]] const Hierarchy* unified() const;
  [[nodiscard]] const Hierarchy* legacy(
      Controller controller) const;  // the v1 hierarchy it is bound to, or null
};

}  // namespace shoji
