#pragma once
#include "images/tar/byte_source.h"
#include "images/transfer/transfer.h"

namespace shoji::images {

struct SavedImage {
  Image image;
  Reference name;  // empty registry: saved without a name
};

// A docker-archive: CONFIG.json, DIFF-ID.tar for each layer, uncompressed and once, and manifest.json. The same images
// give the same bytes.
Result<> save_docker_archive(const Store& store, const std::vector<SavedImage>& images, ByteSink& out,
                             Progress& progress);

}  // namespace shoji::images
