#pragma once
// An image archive, read once from start to end: its members may come in any order, and the archive from a pipe. What
// is large goes into the store before it is known what it is for; what is small and JSON is kept here.
#include <map>

#include "images/tar/tar_reader.h"
#include "images/transfer/new_layer.h"

namespace shoji::images {

struct StoredLayer {
  Descriptor blob;
  Digest diff_id;  // empty: it was compressed in the archive already
};

struct ArchiveContents {
  std::map<std::string, std::string> texts;  // by the member's clean path
  std::map<std::string, StoredLayer> layers;
  std::map<std::string, std::string> links;  // to other members: docker saves a layer that comes again so
  // The member that `path` is or links to.
  [[nodiscard]] std::string resolve(std::string path) const;
};

// `archive`: the tar, inflated. Members blobs/ALGORITHM/HEX become blobs if their bytes have that digest.
Result<ArchiveContents> read_archive(const Store& store, Lease& lease, ByteSource& archive);

}  // namespace shoji::images
