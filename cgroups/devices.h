#pragma once
// Device rules put into force: a BPF program on a v2 cgroup, devices.allow and devices.deny of a v1 one.
#include "base/error.h"
#include "cgroups/device_rules.h"
#include "cgroups/place.h"

namespace shoji {

Result<> attach_device_filter(const Place& place, const std::vector<DevicePermission>& rules);
Result<> write_device_list(const Place& place, const std::vector<DevicePermission>& rules);

struct DeviceListChange {
  bool allow = false;  // to devices.allow, else to devices.deny
  std::string text;
  friend bool operator==(const DeviceListChange&, const DeviceListChange&) = default;
};

// The writes that turn `present` (the text of devices.list) into `wanted`. What stays allowed is not denied
// in between, except where everything was allowed before.
std::vector<DeviceListChange> device_list_changes(std::string_view present, const DeviceList& wanted);

}  // namespace shoji
