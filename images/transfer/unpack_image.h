#pragma once
#include "images/transfer/transfer.h"

namespace shoji::images {

// The last steps of load, import and commit, when all blobs of `image` are in the store: unpacks its layers, several at
// once, sets its name, and prepares its root. A blob that is missing is kInvalid.
Result<Image> name_image(const Store& store, Lease& lease, const NamedImage& named, Progress& progress);

}  // namespace shoji::images
