#include "netsetup/usage/usage_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/if_ether.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/json.h"

namespace shoji::net {

namespace {

constexpr size_t kFileLimit = 1 << 20;  // bytes, far above what one needs
constexpr std::string_view kSuffix = ".json";

struct CounterName {
  std::string_view name;
  uint64_t Counters::* member;
};
constexpr CounterName kCounters[] = {
    {"bytesIn", &Counters::bytes_in},     {"bytesOut", &Counters::bytes_out},
    {"packetsIn", &Counters::packets_in}, {"packetsOut", &Counters::packets_out},
    {"droppedIn", &Counters::dropped_in}, {"droppedOut", &Counters::dropped_out},
};

void print_counters(JsonWriter& out, const Counters& counters) {
  for (const CounterName& counter : kCounters) out.member(counter.name, counters.*counter.member);
}

// A member that is not there is zero: what an older Shoji did not count yet.
Result<uint64_t> number_of(Json object, std::string_view name) {
  Json found = object.find(name);
  if (!found.exists()) return 0;
  return found.as_uint64();
}
Result<std::string> text_of(Json object, std::string_view name) {
  Json found = object.find(name);
  if (!found.exists()) return std::string();
  TRY_ASSIGN(std::string_view text, found.as_string());
  return std::string(text);
}

Result<Counters> parse_counters(Json object) {
  Counters out;
  if (!object.exists()) return out;
  if (!object.is_object()) return object.unexpected("an object");
  for (const CounterName& counter : kCounters) {
    TRY_ASSIGN(out.*counter.member, number_of(object, counter.name));
  }
  return out;
}

Result<TrafficQuota> parse_quota(Json object) {
  TrafficQuota out;
  if (!object.exists()) return out;
  if (!object.is_object()) return object.unexpected("an object");
  TRY_ASSIGN(out.bytes, number_of(object, "bytes"));
  TRY_ASSIGN(out.rate, number_of(object, "rate"));
  TRY_ASSIGN(std::string action, text_of(object, "over"));
  if (action != "block" && action != "shape") return object.find("over").unexpected("\"block\" or \"shape\"");
  out.action = action == "shape" ? OverQuota::kShape : OverQuota::kBlock;
  return out;
}

Result<std::vector<CountedInterface>> parse_interfaces(Json array) {
  std::vector<CountedInterface> out;
  if (!array.exists()) return out;
  if (!array.is_array()) return array.unexpected("an array");
  for (Json each = array.first(); each.exists(); each = each.next()) {
    CountedInterface interface;
    if (!each.is_object()) return each.unexpected("an object");
    TRY_ASSIGN(interface.network, text_of(each, "network"));
    TRY_ASSIGN(interface.boot_id, text_of(each, "boot"));
    TRY_ASSIGN(uint64_t index, number_of(each, "index"));
    interface.index = static_cast<int>(index);
    TRY_ASSIGN(interface.counters, parse_counters(each));
    out.push_back(std::move(interface));
  }
  return out;
}

std::string directory_of(const NetworkStore& store) {
  return store.root + "/usage";
}

uint64_t grown(uint64_t now, uint64_t before) {
  return now > before ? now - before : 0;
}

// What counts for the month, as the kernel's quota counts it (PartitionQuota): what is sent without the frame's header.
uint64_t month_bytes(const Counters& delta) {
  return delta.bytes_in + grown(delta.bytes_out, delta.packets_out * ETH_HLEN);
}

// When the month changed since the last look nobody knows what went before: as much as its share of the time.
uint64_t share_of_month(uint64_t bytes, WallTime since, WallTime now) {
  WallTime start = start_of_month(now);
  if (since >= start || now <= since) return bytes;
  std::chrono::duration<double> ours = now - start, all = now - since;
  return static_cast<uint64_t>(static_cast<double>(bytes) * (ours / all));
}

}  // namespace

std::string_view over_quota_name(OverQuota action) {
  return action == OverQuota::kShape ? "shape" : "block";
}

std::string print_usage_file(const UsageFile& file) {
  JsonWriter out(JsonWriter::Style::kIndented);
  out.begin_object();
  out.key("total").begin_object();
  print_counters(out, file.sums.total);
  out.end_object();
  out.member("month", std::string_view(file.sums.month)).member("monthBytes", file.sums.month_bytes);
  out.member("saved", static_cast<uint64_t>(std::chrono::system_clock::to_time_t(file.saved)));
  if (const TrafficQuota& quota = file.sums.quota; quota.bytes != 0) {
    out.key("quota")
        .begin_object()
        .member("bytes", quota.bytes)
        .member("over", over_quota_name(quota.action));
    if (quota.rate != 0) out.member("rate", quota.rate);
    out.end_object();
  }
  out.key("interfaces").begin_array();
  for (const CountedInterface& interface : file.interfaces) {
    out.begin_object().member("network", std::string_view(interface.network));
    out.member("boot", std::string_view(interface.boot_id)).member("index", interface.index);
    print_counters(out, interface.counters);
    out.end_object();
  }
  out.end_array().end_object();
  return out.take() + "\n";
}

Result<UsageFile> parse_usage_file(std::string text, std::string_view source) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(text), source));
  Json root = document.root();
  if (!root.is_object()) return root.unexpected("an object");
  auto parse = [&]() -> Result<UsageFile> {
    UsageFile out;
    TRY_ASSIGN(out.sums.total, parse_counters(root.find("total")));
    TRY_ASSIGN(out.sums.month, text_of(root, "month"));
    TRY_ASSIGN(out.sums.month_bytes, number_of(root, "monthBytes"));
    TRY_ASSIGN(uint64_t saved, number_of(root, "saved"));
    out.saved = std::chrono::system_clock::from_time_t(static_cast<time_t>(saved));
    TRY_ASSIGN(out.sums.quota, parse_quota(root.find("quota")));
    TRY_ASSIGN(out.interfaces, parse_interfaces(root.find("interfaces")));
    return out;
  };
  Result<UsageFile> out = parse();
  if (!out) return Failure(within(source, out.error()));
  return out;
}

Result<> check_usage_name(std::string_view partition) {
  if (partition.empty() || partition.size() > 240 || partition.starts_with('.') || partition.contains('/'))
    return fail(Kind::kInvalid, cat("partition name ", quote(partition), " cannot be a file's name"));
  return {};
}

Result<LockedUsage> lock_usage(const NetworkStore& store) {
  std::string directory = directory_of(store);
  Result<UniqueFd> dir = open_file(directory, O_RDONLY | O_DIRECTORY);
  if (!dir) {
    TRY(make_directories(directory, 0700));
    dir = open_file(directory, O_RDONLY | O_DIRECTORY);
  }
  if (!dir) return Failure(dir.error());
  TRY_ASSIGN(FileLock lock, FileLock::acquire(dir->get(), ".lock"));
  return LockedUsage{std::move(*dir), std::move(lock)};
}

Result<UsageFile> load_usage(const NetworkStore& store, const std::string& partition, WallTime now) {
  TRY(check_usage_name(partition));
  std::string path = cat(directory_of(store), '/', partition, kSuffix);
  Result<std::string> text = read_file(path, kFileLimit);
  if (!text && text.error().kind != Kind::kNotFound) return Failure(text.error());
  UsageFile out;
  out.saved = now;
  // An empty file is what a loss of power may leave of a rename.
  if (text && !text->empty()) {
    TRY_ASSIGN(out, parse_usage_file(std::move(*text), path));
  }
  out.sums.partition = partition;
  std::string month = month_of(now);
  if (out.sums.month != month) {
    out.sums.month = std::move(month);
    out.sums.month_bytes = 0;
  }
  out.sums.over = out.sums.quota.bytes != 0 && out.sums.month_bytes >= out.sums.quota.bytes;
  return out;
}

Result<> store_usage(const NetworkStore& store, const UsageFile& file) {
  return write_file_atomically(cat(directory_of(store), '/', file.sums.partition, kSuffix),
                               print_usage_file(file), 0600);
}

Result<std::vector<std::string>> partitions_with_usage(const NetworkStore& store) {
  std::vector<std::string> out;
  std::string directory = directory_of(store);
  std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(directory.c_str()), closedir);
  if (!entries && errno == ENOENT) return out;
  if (!entries) return fail_errno(errno, cat("list ", quote(directory)));
  while (const dirent* entry = readdir(entries.get())) {
    std::string_view name = entry->d_name;
    if (name.starts_with('.') || !name.ends_with(kSuffix)) continue;
    out.emplace_back(name.substr(0, name.size() - kSuffix.size()));
  }
  std::ranges::sort(out);
  return out;
}

bool add_reading(UsageFile& file, const std::string& network, const std::string& boot_id,
                 const Reading& reading, WallTime since, WallTime now) {
  auto known = std::ranges::find(file.interfaces, network, &CountedInterface::network);
  if (known == file.interfaces.end()) {
    file.interfaces.push_back({network, "", 0, {}});
    known = file.interfaces.end() - 1;
  }
  // Indexes only grow within a boot: a smaller one is of an interface that was counted to its end.
  bool same_boot = known->boot_id == boot_id;
  if (same_boot && reading.index < known->index) return false;
  bool same = same_boot && reading.index == known->index;
  Counters before = same ? known->counters : Counters{};
  Counters delta;
  bool any = !same;
  for (const CounterName& counter : kCounters) {
    // The reading may be older than the one that was saved meanwhile: then nothing is new.
    delta.*counter.member = grown(reading.counters.*counter.member, before.*counter.member);
    any = any || delta.*counter.member != 0;
    file.sums.total.*counter.member += delta.*counter.member;
    before.*counter.member += delta.*counter.member;
  }
  // A limit's count begins anew with the limit, and after 32 bits.
  before.dropped_in = reading.counters.dropped_in;
  before.dropped_out = reading.counters.dropped_out;
  *known = {network, boot_id, reading.index, before};
  file.sums.month_bytes += share_of_month(month_bytes(delta), same ? file.saved : since, now);
  file.sums.over = file.sums.quota.bytes != 0 && file.sums.month_bytes >= file.sums.quota.bytes;
  return any;
}

}  // namespace shoji::net
