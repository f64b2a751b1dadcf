#pragma once
// ROOT/usage/PARTITION.json as a value.
#include "base/io.h"
#include "netsetup/usage/usage.h"

namespace shoji::net {

// How far an interface's counters had come when they were last added to the sums.
struct CountedInterface {
  std::string network;
  std::string boot_id;
  int index = 0;
  Counters counters;
};

struct UsageFile {
  Usage sums;
  WallTime saved;  // when the counters were last looked at
  std::vector<CountedInterface> interfaces;
};

// The partition's name is a file's name, and not a path.
Result<> check_usage_name(std::string_view partition);
std::string print_usage_file(const UsageFile& file);
Result<UsageFile> parse_usage_file(std::string text, std::string_view source);

// The directory of all files, locked: one verb at a time reads and writes one of them.
struct LockedUsage {
  UniqueFd dir;
  FileLock lock;
};
Result<LockedUsage> lock_usage(const NetworkStore& store);
// Without a file all is zero. A new month has begun in what is returned where `now` is in one.
Result<UsageFile> load_usage(const NetworkStore& store, const std::string& partition, WallTime now);
Result<> store_usage(const NetworkStore& store, const UsageFile& file);
// Of all partitions that have a file.
Result<std::vector<std::string>> partitions_with_usage(const NetworkStore& store);

// What one look at an interface says.
struct Reading {
  int index = 0;
  Counters counters;
};
// Adds what `reading` has beyond what was counted of `network`'s interface. `since`: when that interface was made, for one
// that was not seen before. False: there was nothing new.
bool add_reading(UsageFile& file, const std::string& network, const std::string& boot_id,
                 const Reading& reading, WallTime since, WallTime now);

WallTime start_of_month(WallTime now);

}  // namespace shoji::net
