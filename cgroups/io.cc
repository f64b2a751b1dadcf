// Block I/O: weights and throttles. v1 blkio.*, v2 io.*.
#include <array>

#include "cgroups/controllers.h"

namespace shoji {
namespace {

struct Throttle {
  const std::vector<ThrottleDevice> BlockIoResources::* devices;
  const char* name;
  const char* v1_file;
  const char* v2_key;
};
constexpr std::array<Throttle, 4> kThrottles = {{
    {&BlockIoResources::throttle_read_bps_device, "blockIO throttleReadBpsDevice",
     "blkio.throttle.read_bps_device", "rbps"},
    {&BlockIoResources::throttle_write_bps_device, "blockIO throttleWriteBpsDevice",
     "blkio.throttle.write_bps_device", "wbps"},
    {&BlockIoResources::throttle_read_iops_device, "blockIO throttleReadIOPSDevice",
     "blkio.throttle.read_iops_device", "riops"},
    {&BlockIoResources::throttle_write_iops_device, "blockIO throttleWriteIOPSDevice",
     "blkio.throttle.write_iops_device", "wiops"},
}};

template <typename Device>
std::string number(const Device& device) {
  return cat(device.major, ':', device.minor);
}

std::string throttle_limit(const Throttle& row, const ThrottleDevice& device) {
  return cat(row.name, ' ', device.rate, " on device ", number(device));
}

Result<> check_weight(uint64_t weight) {
  if (weight >= 10 && weight <= 1000) return {};
  return fail(Kind::kInvalid, cat("limit blockIO weight ", weight, ": must be 10 to 1000"));
}

Failure refuse_leaf_weight(uint64_t weight) {
  return fail(Kind::kUnsupported,
              cat("limit blockIO leafWeight ", weight,
                  ": it went with the CFQ scheduler (Linux 5.0), and nothing took its place"));
}

Result<> check_weights(const BlockIoResources& io) {
  if (io.weight.value_or(0) != 0) TRY(check_weight(*io.weight));
  if (io.leaf_weight.value_or(0) != 0) return refuse_leaf_weight(*io.leaf_weight);
  for (const WeightDevice& device : io.weight_device) {
    if (device.weight.value_or(0) != 0) TRY(check_weight(*device.weight));
    if (device.leaf_weight.value_or(0) != 0) return refuse_leaf_weight(*device.leaf_weight);
  }
  return {};
}

}  // namespace

// Linear from 10..1000 to 1..10000, as runc and crun do.
uint64_t io_weight_from_blkio(uint64_t weight) {
  return 1 + (weight - 10) * 9999 / 990;
}

Result<> plan_io_v1(const Resources& resources, KnobWrites& out) {
  if (!resources.block_io) return {};
  const BlockIoResources& io = *resources.block_io;
  TRY(check_weights(io));
  if (io.weight.value_or(0) != 0) {
    out.push_back({.file = "blkio.bfq.weight",
                   .text = cat(*io.weight),
                   .limit = cat("blockIO weight ", *io.weight),
                   .other_file = "blkio.weight",
                   .other_text = cat(*io.weight)});
  }
  for (const WeightDevice& device : io.weight_device) {
    if (device.weight.value_or(0) == 0) continue;
    std::string text = cat(number(device), ' ', *device.weight);
    out.push_back({.file = "blkio.bfq.weight_device",
                   .text = text,
                   .limit = cat("blockIO weight ", *device.weight, " on device ", number(device)),
                   .other_file = "blkio.weight_device",
                   .other_text = text});
  }
  for (const Throttle& row : kThrottles) {
    for (const ThrottleDevice& device : io.*row.devices) {
      out.push_back({.file = row.v1_file,
                     .text = cat(number(device), ' ', device.rate),
                     .limit = throttle_limit(row, device),
                     .is_default = device.rate == 0});
    }
  }
  return {};
}

Result<> plan_io_v2(const Resources& resources, KnobWrites& out) {
  if (!resources.block_io) return {};
  const BlockIoResources& io = *resources.block_io;
  TRY(check_weights(io));
  // BFQ understands the document's range as it is; io.weight belongs to the io.cost model.
  if (io.weight.value_or(0) != 0) {
    out.push_back({.file = "io.bfq.weight",
                   .text = cat(*io.weight),
                   .limit = cat("blockIO weight ", *io.weight),
                   .other_file = "io.weight",
                   .other_text = cat("default ", io_weight_from_blkio(*io.weight))});
  }
  for (const WeightDevice& device : io.weight_device) {
    if (device.weight.value_or(0) == 0) continue;
    out.push_back({.file = "io.bfq.weight",
                   .text = cat(number(device), ' ', *device.weight),
                   .limit = cat("blockIO weight ", *device.weight, " on device ", number(device)),
                   .other_file = "io.weight",
                   .other_text = cat(number(device), ' ', io_weight_from_blkio(*device.weight))});
  }
  for (const Throttle& row : kThrottles) {
    for (const ThrottleDevice& device : io.*row.devices) {
      std::string rate = device.rate == 0 ? "max" : cat(device.rate);
      out.push_back({.file = "io.max",
                     .text = cat(number(device), ' ', row.v2_key, '=', rate),
                     .limit = throttle_limit(row, device),
                     .is_default = device.rate == 0});
    }
  }
  return {};
}

}  // namespace shoji
