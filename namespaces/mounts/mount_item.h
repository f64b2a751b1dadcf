#pragma once
// A mount of the configuration while it is planned; shared by mount_plan.cc and new_filesystem.cc.
#include <string>
#include <string_view>

#include "base/error.h"
#include "namespaces/mounts/mount_facts.h"
#include "spec/mount_options.h"
#include "spec/spec.h"

namespace shoji {

struct MountItem {
  const Spec& spec;
  const MountFacts& facts;
  const Mount& mount;
  size_t index = 0;
  std::string destination;  // clean
  ParsedMountOptions options;
  bool over_proc = false;
};

// `mount "SOURCE" on "DESTINATION"`, as the user wrote them.
std::string mount_words(const Mount& mount);
Failure refuse_mount(const MountItem& item, std::string_view why, Kind kind = Kind::kInvalid);

// Does a read-only flag have to wait until devices, links and mount points are made in it?
bool late_read_only(const MountItem& item);

}  // namespace shoji
