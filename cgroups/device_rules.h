#pragma once
// The device rules of a specification, in a form that both cgroup versions can be made from. The last rule
// that speaks of a device and a kind of access decides; what no rule speaks of is denied.
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "spec/spec.h"

namespace shoji {

// Bits of linux/bpf.h (BPF_DEVCG_ACC_*).
inline constexpr uint8_t kDeviceMknod = 1;
inline constexpr uint8_t kDeviceRead = 2;
inline constexpr uint8_t kDeviceWrite = 4;
inline constexpr uint8_t kDeviceAll = kDeviceMknod | kDeviceRead | kDeviceWrite;
inline constexpr int64_t kAnyNumber = -1;

struct DevicePermission {
  bool allow = false;
  char type = 'a';  // 'b', 'c', or 'a': both, any number, all access
  int64_t major = kAnyNumber, minor = kAnyNumber;
  uint8_t access = kDeviceAll;
  friend bool operator==(const DevicePermission&, const DevicePermission&) = default;
};

// The rules in order, followed by those that every container has (/dev/null, /dev/zero, /dev/full,
// /dev/random, /dev/urandom, /dev/tty, pseudo-terminals, /dev/net/tun, and mknod(2) of any): the same as
// runc's. Whatever comes before a rule about all devices is left out.
Result<std::vector<DevicePermission>> device_permissions(const std::vector<DeviceRule>& rules);

// What the rules mean: may all of `access` be done to the device? `type` is 'b' or 'c'.
bool allows_device(const std::vector<DevicePermission>& rules, char type, int64_t major, int64_t minor,
                   uint8_t access);
bool allows_every_device(const std::vector<DevicePermission>& rules);

// The shape that the v1 controller can hold: everything allowed or denied, and exceptions from that, all of
// one kind. Rules that do not fit it (a denied device in the middle of an allowed range) are refused.
struct DeviceList {
  bool allow_by_default = false;
  std::vector<DevicePermission> exceptions;
};
Result<DeviceList> device_list(const std::vector<DevicePermission>& rules);

// "c 1:3 rwm", the syntax of devices.allow, devices.deny and devices.list.
std::string device_text(const DevicePermission& rule);

}  // namespace shoji
