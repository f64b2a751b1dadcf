#include "netsetup/cni/record.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/io.h"
#include "base/json.h"

namespace shoji::net {

namespace {

constexpr size_t kRecordLimit = 16 << 20;  // bytes

std::string directory_of(const NetworkStore& store, std::string_view partition) {
  return cat(store.root, "/cni/", partition);
}

std::string path_of(const NetworkStore& store, std::string_view partition, std::string_view network) {
  return cat(directory_of(store, partition), '/', network);
}

std::string print_record(const CniRecord& record) {
  JsonWriter out;
  out.begin_object().member("bootId", record.boot_id);
  out.member("container", record.call.container).member("netns", record.call.netns);
  out.member("interface", record.call.interface);
  out.key("arguments").begin_object();
  for (const auto& [name, value] : record.call.arguments) out.key(name).raw(value);
  out.end_object();
  out.key("config").raw(print_cni_config(record.config));
  if (!record.result.empty()) out.key("result").raw(record.result);
  return out.end_object().take() + "\n";
}

Result<CniRecord> parse_record(std::string text, std::string_view source) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(text), source));
  Json root = document.root();
  CniRecord out;
  const std::pair<std::string_view, std::string*> texts[] = {{"bootId", &out.boot_id},
                                                             {"container", &out.call.container},
                                                             {"netns", &out.call.netns},
                                                             {"interface", &out.call.interface}};
  for (const auto& [name, member] : texts) {
    TRY_ASSIGN(*member, root.find(name).as_string());
  }
  // Every value is an array, an object or, for the MAC, a string: what source() has no text for is printed anew.
  Json arguments = root.find("arguments");
  for (Json item = arguments.first(); item.exists(); item = item.next()) {
    JsonWriter value;
    if (item.is_string()) {
      value.value(item.as_string().value_or(""));
    } else {
      value.raw(item.source());
    }
    out.call.arguments.emplace_back(item.key(), value.take());
  }
  TRY_ASSIGN(out.config, parse_cni_config(std::string(root.find("config").source()), source));
  if (Json result = root.find("result"); result.exists()) out.result = result.source();
  return out;
}

}  // namespace

Result<> write_cni_record(const NetworkStore& store, const std::string& network, const CniRecord& record) {
  TRY(make_directories(directory_of(store, record.call.container), 0700));
  return write_file_atomically(path_of(store, record.call.container, network), print_record(record), 0600);
}

Result<CniRecord> read_cni_record(const NetworkStore& store, const std::string& partition,
                                  const std::string& network) {
  std::string path = path_of(store, partition, network);
  TRY_ASSIGN(std::string text, read_file(path, kRecordLimit));
  return parse_record(std::move(text), path);
}

Result<> remove_cni_record(const NetworkStore& store, const std::string& partition,
                           const std::string& network) {
  std::string path = path_of(store, partition, network);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, cat("remove ", quote(path)));
  rmdir(directory_of(store, partition).c_str());  // the partition's last one
  return {};
}

Result<std::vector<std::string>> list_cni_records(const NetworkStore& store, std::string_view partition) {
  std::vector<std::string> out;
  std::string directory = directory_of(store, partition);
  std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(directory.c_str()), closedir);
  if (!entries && (errno == ENOENT || errno == ENOTDIR)) return out;
  if (!entries) return fail_errno(errno, cat("list ", quote(directory)));
  while (const dirent* entry = readdir(entries.get()))
    if (entry->d_name[0] != '.') out.emplace_back(entry->d_name);
  std::ranges::sort(out);
  return out;
}

}  // namespace shoji::net
