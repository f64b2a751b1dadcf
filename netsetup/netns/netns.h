#pragma once
// Network namespaces that outlive their processes: pinned by a bind mount below /run, found again by name.
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace shoji::net {

// Makes a network namespace and pins it at DIRECTORY/NAME (network_namespaces(7)). lo is up. kExists.
Result<UniqueFd> make_netns(const std::string& directory, const std::string& name);
// Pins a namespace that is there under one more name. kExists.
Result<> pin_netns(const std::string& directory, const std::string& name, int netns);
Result<UniqueFd> open_netns(const std::string& directory, const std::string& name);
// Gone already is fine. The namespace itself lives on while processes or descriptors hold it.
Result<> remove_netns(const std::string& directory, const std::string& name);
// Names that are there: pinned ones, and files that a crash left without a mount.
Result<std::vector<std::string>> list_netns(const std::string& directory);

}  // namespace shoji::net
