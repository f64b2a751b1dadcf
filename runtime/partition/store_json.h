#pragma once
// The files of the partition store as text.
#include "runtime/partition/store.h"

namespace shoji {

// Of partition.json. It grows when an older shoji would do something wrong with a newer document.
inline constexpr uint32_t kPartitionFormat = 1;

std::string print_definition(const PartitionDefinition& definition);
Result<PartitionDefinition> parse_definition(std::string text, std::string_view source);
std::string print_run(const PartitionRun& run);
Result<PartitionRun> parse_run(std::string text, std::string_view source);
std::string print_exit(const PartitionExit& exit);
Result<PartitionExit> parse_exit(std::string text, std::string_view source);

}  // namespace shoji
