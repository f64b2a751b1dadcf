#pragma once
// User and group id mappings: user_namespaces(7) "User and group ID mappings".
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "spec/spec.h"

namespace shoji {

using IdMap = std::vector<IdMapping>;

// One line "container host size" per mapping, as /proc/PID/uid_map takes them.
std::string id_map_text(std::span<const IdMapping> map);
// The reverse, for maps read from the kernel. kInvalid when a line is not three numbers.
Result<IdMap> parse_id_map(std::string_view text);

// The host's id of a container's id; empty when it is not mapped.
std::optional<uint32_t> to_host_id(std::span<const IdMapping> map, uint32_t container_id);

bool equal_maps(std::span<const IdMapping> a, std::span<const IdMapping> b);

struct IdMaps {
  IdMap uid, gid;
};

// Writes the maps of process `pid`, which has a fresh user namespace. `proc` is an O_PATH descriptor of the
// host's /proc. setgroups(2) is denied only where the kernel demands it: when the writer has no CAP_SETGID in
// the parent namespace.
Result<> write_id_maps(int proc, pid_t pid, const IdMaps& maps, bool deny_setgroups);

}  // namespace shoji
