// Device rules in the v1 controller: devices.allow, devices.deny, devices.list.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "cgroups/devices.h"

namespace shoji {
namespace {

constexpr std::string_view kEverything = "a *:* rwm";

int64_t parse_number(std::string_view text) {
  int64_t number = kAnyNumber;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// One line of devices.list: "c 1:3 rwm".
std::optional<DevicePermission> parse_line(std::string_view line) {
  size_t colon = line.find(':');
  size_t space = line.rfind(' ');
  if (line.size() < 5 || colon == std::string_view::npos || space < colon) return {};
  DevicePermission rule{.allow = true, .type = line[0], .access = 0};
  rule.major = parse_number(line.substr(2, colon - 2));
  rule.minor = parse_number(line.substr(colon + 1, space - colon - 1));
  std::string_view access = line.substr(space + 1);
  if (access.find('r') != std::string_view::npos) rule.access |= kDeviceRead;
  if (access.find('w') != std::string_view::npos) rule.access |= kDeviceWrite;
  if (access.find('m') != std::string_view::npos) rule.access |= kDeviceMknod;
  return rule;
}

std::vector<DevicePermission> parse_list(std::string_view text) {
  std::vector<DevicePermission> list;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    if (auto rule = parse_line(text.substr(0, end))) list.push_back(*rule);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return list;
}

// Access that `list` gives to exactly the devices that `rule` names.
uint8_t access_in(const std::vector<DevicePermission>& list, const DevicePermission& rule) {
  uint8_t access = 0;
  for (const DevicePermission& entry : list) {
    if (entry.type == rule.type && entry.major == rule.major && entry.minor == rule.minor)
      access |= entry.access;
  }
  return access;
}

// For every device of `from`, what `against` does not give.
void add_difference(const std::vector<DevicePermission>& from, const std::vector<DevicePermission>& against,
                    bool allow, std::vector<DeviceListChange>& changes) {
  for (DevicePermission rule : from) {
    rule.access &= static_cast<uint8_t>(~access_in(against, rule));
    if (rule.access != 0) changes.push_back({allow, device_text(rule)});
  }
}

}  // namespace

std::vector<DeviceListChange> device_list_changes(std::string_view present, const DeviceList& wanted) {
  std::vector<DeviceListChange> changes;
  bool all_allowed = present.starts_with(kEverything);
  if (wanted.allow_by_default) {
    // While everything is allowed, devices.list does not show the exceptions: start over.
    if (!all_allowed || !wanted.exceptions.empty()) changes.push_back({true, "a"});
    for (const DevicePermission& rule : wanted.exceptions) changes.push_back({false, device_text(rule)});
    return changes;
  }
  std::vector<DevicePermission> given;
  if (all_allowed) {
    changes.push_back({false, "a"});
  } else {
    given = parse_list(present);
  }
  add_difference(wanted.exceptions, given, true, changes);
  add_difference(given, wanted.exceptions, false, changes);
  return changes;
}

Result<> write_device_list(const Place& place, const std::vector<DevicePermission>& rules) {
  TRY_ASSIGN(DeviceList wanted, device_list(rules));
  TRY_ASSIGN(std::string present, read_knob(place, "devices.list"));
  UniqueFd allow, deny;
  for (const DeviceListChange& change : device_list_changes(present, wanted)) {
    UniqueFd& fd = change.allow ? allow : deny;
    const char* file = change.allow ? "devices.allow" : "devices.deny";
    if (!fd) fd.reset(openat(place.fd.get(), file, O_WRONLY | O_CLOEXEC));
    if (!fd || write(fd.get(), change.text.data(), change.text.size()) < 0) {
      int err = errno;
      // devices.rst "Hierarchy": a cgroup may not allow what its parent does not have.
      std::string_view cause = change.allow && err == EPERM ? "the parent cgroup does not have it" : "";
      return std::unexpected(
          Error{Kind::kSystem, err,
                cat("limit devices: write ", quote(change.text), " to ", quote(cat(place.dir, "/", file)),
                    ": ", cause.empty() ? knob_errno_text(err) : std::string(cause))});
    }
  }
  return {};
}

}  // namespace shoji
