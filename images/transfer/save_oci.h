#pragma once
#include "images/transfer/save_docker.h"

namespace shoji::images {

// An OCI image layout, as a tar or a directory. Blobs are kept as they are, so that digests stay.
Result<> save_oci_archive(const Store& store, const std::vector<SavedImage>& images, ByteSink& out,
                          Progress& progress);
// `path` must not exist, or be an empty directory.
Result<> save_oci_directory(const Store& store, const std::vector<SavedImage>& images,
                            const std::string& path, Progress& progress);

}  // namespace shoji::images
