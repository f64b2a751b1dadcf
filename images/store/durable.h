#pragma once
// What survives a kill and a power cut: files that appear whole, by rename(2), after fsync(2); and locks that die with
// their process.
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "images/store/store.h"

namespace shoji::images {

// flock(2) on a file or directory; `how` as in flock(2). kState when LOCK_NB is given and somebody else holds it. The
// descriptor is the lock.
Result<UniqueFd> lock_at(int dir, const std::string& name, int how);
// Until it is dropped nothing is swept: between a look at what is there and the fact that makes it needed.
Result<UniqueFd> hold_sweeping_off(const Store& store);

Result<> sync_file(int fd, std::string_view name);
// The entries of a directory below the store: "" for the store itself.
Result<> sync_directory(const Store& store, const std::string& name);
// "names/x" below the store becomes `text`, whole.
Result<> write_durably(const Store& store, const std::string& name, std::string_view text);

// Names in a directory below `dir`, without "." and ".."; an absent directory has none.
Result<std::vector<std::string>> list_directory(int dir, const std::string& name);

}  // namespace shoji::images
