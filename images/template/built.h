#pragma once
// What was built from which inputs: STORE/templates/KEY, so that the second build of the same finds the first one's blobs.
#include <optional>

#include "images/store/store.h"
#include "images/template/template.h"

namespace shoji::images {

// Everything that decides what a build gives, as digests. `base`: of the layer that templates of one suite share.
struct BuildKeys {
  Digest base, image;
};
struct BuildInputs {
  std::string suite;
  std::vector<std::string> sources;  // as given to mmdebstrap; of this host's own: their text
  std::string releases;              // known_releases()
  std::vector<std::string> files;    // contents, in the order of Template::files
};
BuildKeys build_keys(const Template& t, const BuildInputs& inputs);

struct BuiltLayer {
  Descriptor blob;
  Digest diff_id;
  int64_t epoch = 0;  // BuildTimes::epoch
};
// Nothing when it was not built, or a blob of it is not there any more. What is found is held by the lease.
std::optional<BuiltLayer> find_built_layer(const Store& store, Lease& lease, const Digest& key);
std::optional<Descriptor> find_built_image(const Store& store, Lease& lease, const Digest& key);
Result<> remember_layer(const Store& store, const Digest& key, const BuiltLayer& layer);
Result<> remember_image(const Store& store, const Digest& key, const Descriptor& manifest);

}  // namespace shoji::images
