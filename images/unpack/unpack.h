#pragma once
// Unpacks one layer into the store.
#include "images/unpack/layer_sink.h"

namespace shoji::images {

// Reads the uncompressed `tar` to its end, checks its digest against `diff_id` (empty: any), and publishes
// layers/DIFF-ID by a rename. On an error nothing is left. Already unpacked by somebody else: fine. Returns the diffID.
Result<Digest> unpack_layer(const Store& store, const Digest& diff_id, ByteSource& tar, LayerFormat format);

// Everything an image's root needs: unpacks layers that are not unpacked yet from their blobs, and for kComposed writes
// composed/CONFIG-DIGEST. O(1) when all is there.
Result<> prepare_image(const Store& store, const Image& image, LayerFormat format);

}  // namespace shoji::images
