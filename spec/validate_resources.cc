// Checks of the `linux.resources` section (config-linux.md, "Control groups").
#include "spec/validate.h"
#include "spec/validators.h"

namespace shoji {
namespace {

using validators::invalid;

Result<> device_rules(const Resources& resources) {
  for (size_t i = 0; i < resources.devices.size(); ++i) {
    const DeviceRule& rule = resources.devices[i];
    std::string pointer = cat("/linux/resources/devices/", i);
    if (rule.type.size() > 1 || std::string_view("abc").find(rule.type) == std::string_view::npos) {
      return invalid(cat(pointer, "/type"), cat(quote(rule.type), " is not one of a, b or c"));
    }
    if (rule.access.find_first_not_of("rwm") != std::string::npos) {
      return invalid(cat(pointer, "/access"), cat(quote(rule.access), " has other letters than r, w and m"));
    }
  }
  return {};
}

// `^[1-9][0-9]*[KMG]B$`
bool is_page_size(std::string_view text) {
  if (!text.ends_with('B')) return false;
  text.remove_suffix(1);
  if (text.empty() || std::string_view("KMG").find(text.back()) == std::string_view::npos) return false;
  text.remove_suffix(1);
  return !text.empty() && text.front() != '0' &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<> hugepages(const Resources& resources) {
  for (size_t i = 0; i < resources.hugepage_limits.size(); ++i) {
    const std::string& size = resources.hugepage_limits[i].page_size;
    if (is_page_size(size)) continue;
    return invalid(cat("/linux/resources/hugepageLimits/", i, "/pageSize"),
                   cat(quote(size), " is not a size like \"2MB\""));
  }
  return {};
}

// The keys are names of files in the cgroup's directory, the values one line each.
Result<> unified(const Resources& resources) {
  for (const auto& [name, value] : resources.unified) {
    if (name.find('/') != std::string::npos || name == "." || name == "..") {
      return invalid("/linux/resources/unified", cat(quote(name), " is no name of a cgroup file"));
    }
  }
  return {};
}

}  // namespace

Result<> validate_resources(const Resources& resources) {
  TRY(device_rules(resources));
  TRY(hugepages(resources));
  return unified(resources);
}

}  // namespace shoji
