#pragma once
// The files of names/ inside the store.
#include <string>

#include "images/store/store.h"

namespace shoji::images {

std::string name_file(const Reference& reference);
Result<NamedImage> read_name_file(const std::string& path);
// The name itself, a short one below localhost/. In this store and the shared ones.
Result<NamedImage> find_name(const Store& store, const Reference& reference);
// Writes index.json anew. Under index.lock.
Result<> derive_index(const Store& store);

}  // namespace shoji::images
