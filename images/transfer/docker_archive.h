#pragma once
// The images of a docker-archive (`docker save`, `podman save`): manifest.json leads from names to a configuration and
// layers (moby's image/spec, "Combined Image JSON + Filesystem Changeset Format").
#include "images/transfer/archive_contents.h"

namespace shoji::images {

struct ArchivedImage {
  std::vector<std::string> names;  // as the archive says them
  Descriptor target;
};
Result<std::vector<ArchivedImage>> docker_images(const Store& store, Lease& lease,
                                                 const ArchiveContents& contents);

}  // namespace shoji::images
