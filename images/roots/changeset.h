#pragma once
// What a root has on top of its image, as a tar of an OCI layer (layer.md): whiteouts as .wh. files. Order by path and
// pax headers make it deterministic but for the times of the files.
#include "images/roots/root.h"
#include "images/tar/byte_source.h"

namespace shoji::images {

Result<> write_changeset(const Store& store, const Root& root, ByteSink& tar);

}  // namespace shoji::images
