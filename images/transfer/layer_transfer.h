#pragma once
// One layer on its way into the store: registry -> blob, and at the same time blob -> unpacked layer.
#include <optional>

#include "images/registry/registry.h"
#include "images/transfer/jobs.h"
#include "images/transfer/progress.h"

namespace shoji::images {

struct LayerTransfer {
  const Store* store;
  Descriptor blob;
  Digest diff_id;
  std::optional<LayerFormat> unpack_as;  // empty: only the blob is wanted
  Progress* progress;                    // may be called from any thread
  const Stop* stop;
};

// What is missing of blob and unpacked layer: downloads, goes on with an earlier download, unpacks from disk, or does
// nothing. The layer is published when both its digests were found right.
Result<> fetch_layer(const LayerTransfer& transfer, Repository& repository);

// Unpacks a layer whose blob is in the store; nothing when it is unpacked.
Result<> unpack_blob(const LayerTransfer& transfer);

}  // namespace shoji::images
