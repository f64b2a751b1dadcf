#pragma once
// The state of a container as JSON: what the `state` and `list` verbs print, and what hooks read on stdin
// (runtime.md, "State").
#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "spec/spec.h"

namespace shoji {

struct StateDocument {
  std::string_view oci_version = kOciVersion;
  std::string_view id = {};
  pid_t pid = 0;  // 0: stopped
  std::string_view status = {};
  std::string_view bundle = {};
  std::string_view rootfs = {};
  std::string_view created = {};  // RFC 3339
  const std::vector<std::pair<std::string, std::string>>* annotations = nullptr;
  std::string_view owner = {};
};

// With runc's members in runc's order: ociVersion, id, pid, status, bundle, rootfs, created, annotations if
// there are any, owner.
void write_state(JsonWriter& writer, const StateDocument& state);
// Of the `state` verb: indented, without a newline at the end.
std::string print_state(const StateDocument& state);
// What hooks read, compact: ociVersion, id, status, pid unless 0, bundle, annotations if there are any.
std::string print_hook_state(const StateDocument& state);

}  // namespace shoji
