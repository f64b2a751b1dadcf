#pragma once
// Copies what an overlay's upper directory holds: whiteouts, every xattr, hard links, holes, devices, times. Data is
// shared where the filesystem can (FICLONE).
#include <string>

#include "base/error.h"

namespace shoji::images {

// `to` must not exist. What goes away meanwhile is left out: the upper may be in use. Without a common moment for all
// files, that is what a copy of a running partition can be.
Result<> copy_upper_tree(const std::string& from, const std::string& to);

}  // namespace shoji::images
