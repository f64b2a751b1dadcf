#pragma once
// A directory tree as the tar of a layer: sorted by path, so that the same tree gives the same bytes.
#include <cstdint>
#include <string>

#include "images/tar/byte_source.h"

namespace shoji::images {

// Stays on the filesystem of `path` (what is mounted below it is an empty directory) and leaves out sockets. Does not
// finish `tar`. Returns the time of the newest member, in seconds since the epoch.
Result<int64_t> archive_tree(const std::string& path, ByteSink& tar);

}  // namespace shoji::images
