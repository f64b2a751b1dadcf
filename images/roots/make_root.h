#pragma once
// What create_root and clone_root have in common.
#include <functional>

#include "images/roots/root_dir.h"

namespace shoji::images {

// Makes the directory of a new root with a disk and these facts, which come last. `before` is called when the name is
// taken and nothing else is there. `like`: a file that may hold the same facts already, or "". On an error nothing is
// left.
Result<RootDir> make_root(const Store& store, const RootFacts& facts, const std::string& like,
                          const std::function<Result<>(RootDir&)>& before);

}  // namespace shoji::images
