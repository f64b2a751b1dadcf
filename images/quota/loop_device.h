#pragma once
// Loop devices (loop(4)) that go away by themselves: LO_FLAGS_AUTOCLEAR ends them with their last user, be it a mount or
// a process that is killed.
#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace shoji::images {

struct LoopDevice {
  UniqueFd fd;
  std::string name;  // "loop3"
};

bool loop_devices_there();
// A free device, in front of the file. It keeps the open file, and with it a flock(2) on it.
Result<LoopDevice> attach_loop(int file, const std::string& path);
// The device under the filesystem at `mounted`, when `file` is behind it; kNotFound when something else is.
Result<LoopDevice> loop_below(int mounted, int file, const std::string& path);
// The file became longer.
Result<> update_loop_size(const LoopDevice& device);

}  // namespace shoji::images
