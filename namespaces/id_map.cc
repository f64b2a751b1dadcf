#include "namespaces/id_map.h"

#include <charconv>

#include "base/io.h"

namespace shoji {
namespace {

// The next number of `text`, after blanks. False at its end or at anything else.
bool take_number(std::string_view& text, uint32_t& out) {
  size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return false;
  text.remove_prefix(start);
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

}  // namespace

std::string id_map_text(std::span<const IdMapping> map) {
  std::string out;
  for (const auto& row : map) out += cat(row.container_id, ' ', row.host_id, ' ', row.size, '\n');
  return out;
}

Result<IdMap> parse_id_map(std::string_view text) {
  IdMap map;
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    IdMapping row;
    std::string_view rest = line;
    if (!take_number(rest, row.container_id) || !take_number(rest, row.host_id) ||
        !take_number(rest, row.size))
      return fail(Kind::kInvalid, cat("id map line ", quote(line), " is not three numbers"));
    map.push_back(row);
  }
  return map;
}

std::optional<uint32_t> to_host_id(std::span<const IdMapping> map, uint32_t container_id) {
  for (const auto& row : map)
    if (container_id >= row.container_id && container_id - row.container_id < row.size)
      return row.host_id + (container_id - row.container_id);
  return std::nullopt;
}

bool equal_maps(std::span<const IdMapping> a, std::span<const IdMapping> b) {
  return id_map_text(a) == id_map_text(b);
}

Result<> write_id_maps(int proc, pid_t pid, const IdMaps& maps, bool deny_setgroups) {
  auto file = [pid](std::string_view name) { return cat(pid, '/', name); };
  if (deny_setgroups) TRY(write_kernel_file_at(proc, file("setgroups"), "deny"));
  // An empty map leaves every id unmapped: there is nothing to write.
  if (!maps.uid.empty()) TRY(write_kernel_file_at(proc, file("uid_map"), id_map_text(maps.uid)));
  if (!maps.gid.empty()) TRY(write_kernel_file_at(proc, file("gid_map"), id_map_text(maps.gid)));
  return {};
}

}  // namespace shoji
