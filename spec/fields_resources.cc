// The `linux.resources` section (config-linux.md, "Control groups"). Whether a host can enforce a limit is
// the business of cgroups/.
#include "spec/field_sections.h"

namespace shoji {

using namespace field_table;

Result<> read(Json value, DeviceRule& out) {
  static constexpr Row kRows[] = {
      field<&DeviceRule::allow>("allow", kRequired),
      field<&DeviceRule::type>("type"),
      field<&DeviceRule::major>("major"),
      field<&DeviceRule::minor>("minor"),
      field<&DeviceRule::access>("access"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, MemoryResources& out) {
  static constexpr Row kRows[] = {
      field<&MemoryResources::limit>("limit"),
      field<&MemoryResources::reservation>("reservation"),
      field<&MemoryResources::swap>("swap"),
      field<&MemoryResources::kernel>("kernel"),
      field<&MemoryResources::kernel_tcp>("kernelTCP"),
      field<&MemoryResources::swappiness>("swappiness"),
      field<&MemoryResources::disable_oom_killer>("disableOOMKiller"),
      field<&MemoryResources::use_hierarchy>("useHierarchy"),
      field<&MemoryResources::check_before_update>("checkBeforeUpdate"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, CpuResources& out) {
  static constexpr Row kRows[] = {
      field<&CpuResources::shares>("shares"),
      field<&CpuResources::quota>("quota"),
      field<&CpuResources::burst>("burst"),
      field<&CpuResources::period>("period"),
      field<&CpuResources::realtime_runtime>("realtimeRuntime"),
      field<&CpuResources::realtime_period>("realtimePeriod"),
      field<&CpuResources::cpus>("cpus"),
      field<&CpuResources::mems>("mems"),
      field<&CpuResources::idle>("idle"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, ThrottleDevice& out) {
  static constexpr Row kRows[] = {
      field<&ThrottleDevice::major>("major", kRequired),
      field<&ThrottleDevice::minor>("minor", kRequired),
      field<&ThrottleDevice::rate>("rate"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, WeightDevice& out) {
  static constexpr Row kRows[] = {
      field<&WeightDevice::major>("major", kRequired),
      field<&WeightDevice::minor>("minor", kRequired),
      field<&WeightDevice::weight>("weight"),
      field<&WeightDevice::leaf_weight>("leafWeight"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, BlockIoResources& out) {
  static constexpr Row kRows[] = {
      field<&BlockIoResources::weight>("weight"),
      field<&BlockIoResources::leaf_weight>("leafWeight"),
      field<&BlockIoResources::weight_device>("weightDevice"),
      field<&BlockIoResources::throttle_read_bps_device>("throttleReadBpsDevice"),
      field<&BlockIoResources::throttle_write_bps_device>("throttleWriteBpsDevice"),
      field<&BlockIoResources::throttle_read_iops_device>("throttleReadIOPSDevice"),
      field<&BlockIoResources::throttle_write_iops_device>("throttleWriteIOPSDevice"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, HugepageLimit& out) {
  static constexpr Row kRows[] = {
      field<&HugepageLimit::page_size>("pageSize", kRequired),
      field<&HugepageLimit::limit>("limit", kRequired),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, InterfacePriority& out) {
  static constexpr Row kRows[] = {
      field<&InterfacePriority::name>("name", kRequired),
      field<&InterfacePriority::priority>("priority", kRequired),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, NetworkResources& out) {
  static constexpr Row kRows[] = {
      field<&NetworkResources::class_id>("classID"),
      field<&NetworkResources::priorities>("priorities"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, RdmaLimit& out) {
  static constexpr Row kRows[] = {
      field<&RdmaLimit::hca_handles>("hcaHandles"),
      field<&RdmaLimit::hca_objects>("hcaObjects"),
  };
  TRY(check_key(value));
  out = {.device = std::string(value.key()), .hca_handles = {}, .hca_objects = {}};
  return load_object(value, kRows, &out);
}

namespace {

// An object whose keys are the devices' names.
Result<> read_rdma(Json value, void* object) {
  std::vector<RdmaLimit>& limits = static_cast<Resources*>(object)->rdma;
  TRY(expect_object(value));
  limits.clear();
  for (Json member = value.first(); member.exists(); member = member.next()) {
    TRY(read(member, limits.emplace_back()));
  }
  keep_last(limits, &RdmaLimit::device);
  return {};
}

constexpr Row kPids[] = {field<&Resources::pids_limit>("limit", kRequired)};

}  // namespace

Result<> read(Json value, Resources& out) {
  static constexpr Row kRows[] = {
      field<&Resources::devices>("devices"),  field<&Resources::memory>("memory"),
      field<&Resources::cpu>("cpu"),          nested<kPids>("pids"),
      field<&Resources::block_io>("blockIO"), field<&Resources::hugepage_limits>("hugepageLimits"),
      field<&Resources::network>("network"),  Row{"rdma", read_rdma},
      field<&Resources::unified>("unified"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

}  // namespace shoji
