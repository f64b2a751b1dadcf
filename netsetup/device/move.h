#pragma once
// Network devices of the host that go into a container's network namespace, and come back when the container is not made
// (runtime-spec 1.3, config-linux.md, "Network Devices").
//
// The kernel takes addresses away from a device that changes its namespace; index, name and the state "up" change too, the
// rest stays. A name is looked for before the move, since the kernel moves first and then renames: it would leave the
// device there under its old name.
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace shoji::net {

struct DeviceMove {
  std::string name;      // on the host
  std::string new_name;  // there; one "%d" in it stands for the first number that makes a free name
};

struct DeviceAddress {
  uint8_t family = 0, length = 0;
  uint32_t flags = 0;                     // IFA_F_*
  std::string local, address, broadcast;  // as in the kernel's messages; may be empty
};

struct MovedDevice {
  std::string name;      // on the host
  std::string new_name;  // there
  bool was_up = false;
  std::vector<DeviceAddress> addresses;  // permanent ones of global scope
};

// The devices are there, up, with their addresses; or the error, and all of them are back. Who calls is on the host's side.
Result<std::vector<MovedDevice>> move_devices(std::span<const DeviceMove> moves, int netns);
// As they were, but for routes. Goes on after an error; the first one is told.
Result<> return_devices(std::span<const MovedDevice> devices, int netns);

}  // namespace shoji::net
