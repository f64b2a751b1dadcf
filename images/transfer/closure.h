#pragma once
// All that a manifest or an index leads to.
#include <vector>

#include "images/store/store.h"

namespace shoji::images {

struct Closure {
  std::vector<Descriptor> blobs;      // configurations and layers, each once
  std::vector<Descriptor> manifests;  // and indexes: what one leads to comes before it
};
// kNotFound when a blob of it is not in the store; the sentence says which.
Result<Closure> closure_of(const Store& store, const Descriptor& target);

// What is to leave the store for `image`: what its name points at, when all platforms of it are here, else the manifest
// for one platform.
Result<Closure> closure_to_export(const Store& store, const Image& image, Descriptor& target);

}  // namespace shoji::images
