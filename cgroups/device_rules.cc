#include "cgroups/device_rules.h"

#include <algorithm>
#include <array>

namespace shoji {
namespace {

constexpr std::array kAlwaysAllowed = {
    DevicePermission{true, 'c', kAnyNumber, kAnyNumber, kDeviceMknod},  // a node alone opens nothing
    DevicePermission{true, 'b', kAnyNumber, kAnyNumber, kDeviceMknod},
    DevicePermission{true, 'c', 1, 3, kDeviceAll},             // /dev/null
    DevicePermission{true, 'c', 1, 5, kDeviceAll},             // /dev/zero
    DevicePermission{true, 'c', 1, 7, kDeviceAll},             // /dev/full
    DevicePermission{true, 'c', 1, 8, kDeviceAll},             // /dev/random
    DevicePermission{true, 'c', 1, 9, kDeviceAll},             // /dev/urandom
    DevicePermission{true, 'c', 5, 0, kDeviceAll},             // /dev/tty
    DevicePermission{true, 'c', 5, 2, kDeviceAll},             // /dev/ptmx
    DevicePermission{true, 'c', 136, kAnyNumber, kDeviceAll},  // /dev/pts/*
    DevicePermission{true, 'c', 10, 200, kDeviceAll},          // /dev/net/tun
};

bool is_reset(const DevicePermission& rule) {
  return rule.type == 'a';
}

bool covers(int64_t wide, int64_t narrow) {
  return wide == kAnyNumber || wide == narrow;
}
bool covers(const DevicePermission& wide, const DevicePermission& narrow) {
  return wide.type == narrow.type && covers(wide.major, narrow.major) && covers(wide.minor, narrow.minor);
}
bool meet(const DevicePermission& a, const DevicePermission& b) {
  return a.type == b.type && (covers(a.major, b.major) || covers(b.major, a.major)) &&
         (covers(a.minor, b.minor) || covers(b.minor, a.minor));
}

Result<uint8_t> parse_access(const std::string& text) {
  uint8_t access = 0;
  for (char letter : text) {
    switch (letter) {
      case 'r':
        access |= kDeviceRead;
        break;
      case 'w':
        access |= kDeviceWrite;
        break;
      case 'm':
        access |= kDeviceMknod;
        break;
      default:
        return fail(Kind::kInvalid, cat("limit devices: access ", quote(text), " is not made of r, w and m"));
    }
  }
  return text.empty() ? kDeviceAll : access;
}

Result<int64_t> parse_number(const std::optional<int64_t>& number) {
  if (!number || *number == kAnyNumber) return kAnyNumber;
  if (*number < 0 || *number > UINT32_MAX)
    return fail(Kind::kInvalid, cat("limit devices: ", *number, " is no device number"));
  return *number;
}

Result<> add_rule(const DeviceRule& rule, std::vector<DevicePermission>& out) {
  DevicePermission permission{.allow = rule.allow};
  TRY_ASSIGN(permission.access, parse_access(rule.access));
  TRY_ASSIGN(permission.major, parse_number(rule.major));
  TRY_ASSIGN(permission.minor, parse_number(rule.minor));
  if (rule.type == "c" || rule.type == "u" || rule.type == "b") {
    permission.type = rule.type == "b" ? 'b' : 'c';
    out.push_back(permission);
    return {};
  }
  if (!rule.type.empty() && rule.type != "a") {
    return fail(Kind::kInvalid, cat("limit devices: type ", quote(rule.type), " is not one of a, b, c"));
  }
  bool everything =
      permission.access == kDeviceAll && permission.major == kAnyNumber && permission.minor == kAnyNumber;
  if (everything) {
    out.assign(1, permission);
    return {};
  }
  // v1 would read "a" with a number or less access as "everything" (cgroup-v1/devices.rst); said twice, it is
  // exact.
  for (char type : {'b', 'c'}) {
    permission.type = type;
    out.push_back(permission);
  }
  return {};
}

// A rule of the same sign as the default takes back what exceptions said before.
Result<> take_back(const DevicePermission& rule, std::vector<DevicePermission>& exceptions) {
  for (DevicePermission& exception : exceptions) {
    if (!meet(exception, rule) || (exception.access & rule.access) == 0) continue;
    if (!covers(rule, exception)) {
      return fail(Kind::kUnsupported,
                  cat("limit devices: ", rule.allow ? "allow " : "deny ", quote(device_text(rule)),
                      " inside ", rule.allow ? "deny " : "allow ", quote(device_text(exception)),
                      ": the v1 devices controller cannot express that"));
    }
    exception.access &= static_cast<uint8_t>(~rule.access);
  }
  std::erase_if(exceptions, [](const DevicePermission& exception) { return exception.access == 0; });
  return {};
}

void add_exception(const DevicePermission& rule, std::vector<DevicePermission>& exceptions) {
  for (DevicePermission& known : exceptions) {
    if (known.type == rule.type && known.major == rule.major && known.minor == rule.minor) {
      known.access |= rule.access;
      return;
    }
  }
  exceptions.push_back(rule);
}

}  // namespace

Result<std::vector<DevicePermission>> device_permissions(const std::vector<DeviceRule>& rules) {
  std::vector<DevicePermission> out;
  out.reserve(rules.size() + kAlwaysAllowed.size());
  for (const DeviceRule& rule : rules) TRY(add_rule(rule, out));
  out.insert(out.end(), kAlwaysAllowed.begin(), kAlwaysAllowed.end());
  return out;
}

bool allows_device(const std::vector<DevicePermission>& rules, char type, int64_t major, int64_t minor,
                   uint8_t access) {
  uint8_t open_questions = access;
  DevicePermission device{.type = type, .major = major, .minor = minor};
  for (auto rule = rules.rbegin(); rule != rules.rend() && open_questions != 0; ++rule) {
    if (!is_reset(*rule) && !covers(*rule, device)) continue;
    if (!rule->allow && (open_questions & rule->access) != 0) return false;
    if (rule->allow) open_questions &= static_cast<uint8_t>(~rule->access);
  }
  return open_questions == 0;
}

bool allows_every_device(const std::vector<DevicePermission>& rules) {
  return !rules.empty() && is_reset(rules.front()) && std::ranges::all_of(rules, &DevicePermission::allow);
}

Result<DeviceList> device_list(const std::vector<DevicePermission>& rules) {
  DeviceList list;
  for (const DevicePermission& rule : rules) {
    if (is_reset(rule)) {
      list = {.allow_by_default = rule.allow, .exceptions = {}};
    } else if (rule.allow == list.allow_by_default) {
      TRY(take_back(rule, list.exceptions));
    } else {
      add_exception(rule, list.exceptions);
    }
  }
  return list;
}

std::string device_text(const DevicePermission& rule) {
  auto number = [](int64_t value) { return value == kAnyNumber ? std::string("*") : cat(value); };
  std::string text = cat(rule.type, ' ', number(rule.major), ':', number(rule.minor), ' ');
  if (rule.access & kDeviceRead) text += 'r';
  if (rule.access & kDeviceWrite) text += 'w';
  if (rule.access & kDeviceMknod) text += 'm';
  return text;
}

}  // namespace shoji
