#pragma once
// An OCI image layout (image-layout.md), as a directory or as what an archive brought.
#include "images/transfer/docker_archive.h"

namespace shoji::images {

// The images that index.json names.
Result<std::vector<ArchivedImage>> layout_images(std::string_view index_json);

// Brings all that they lead to from the layout at `directory` into the store; each blob is verified on its way.
Result<> copy_layout(const Store& store, Lease& lease, const std::string& directory,
                     const std::vector<ArchivedImage>& images, Progress& progress);

}  // namespace shoji::images
