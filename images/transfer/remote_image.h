#pragma once
// What a name on a registry stands for: its index, the manifest for a platform, and the configuration.
#include "images/registry/registry.h"
#include "images/transfer/transfer.h"

namespace shoji::images {

struct RemoteText {
  Descriptor descriptor;
  std::string text;
};

struct RemoteImage {
  Descriptor target;              // what the name points at
  std::vector<RemoteText> texts;  // indexes, manifests and configurations, verified
  Descriptor manifest_descriptor;
  Manifest manifest;  // for the platform
  ImageConfig config;
  std::vector<Descriptor> other_blobs;  // of other platforms
};

// Takes from the store what is there already; `held` is told every digest before that.
Result<RemoteImage> find_remote_image(const Store& store, Repository& repository, const Reference& name,
                                      const PullOptions& options, Lease& held);

}  // namespace shoji::images
