#pragma once
// The sections of config.json that are long enough for files of their own.
#include <string>
#include <string_view>

#include "base/json.h"
#include "runtime/partition/oci_config.h"

namespace shoji::oci_sections {

template <typename Words>
void write_words(JsonWriter& out, std::string_view key, const Words& words) {
  out.key(key).begin_array();
  for (const auto& word : words) out.value(std::string_view(word));
  out.end_array();
}

Result<> write_mounts(JsonWriter& out, const Partition& partition, const PartitionGround& ground);
// linux.devices.
Result<> write_devices(JsonWriter& out, const std::vector<std::string>& devices);
// linux.resources: limits in human terms become those of the runtime specification; docs/limits.md says what a host makes
// of them.
Result<> write_resources(JsonWriter& out, const Partition& partition, const PartitionGround& ground);

}  // namespace shoji::oci_sections
