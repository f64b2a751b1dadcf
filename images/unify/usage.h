#pragma once
// What images take on disk, and what they share.
#include <cstdint>
#include <vector>

#include "images/store/store.h"

namespace shoji::images {

struct ImageUsage {
  std::vector<Reference> names;
  Digest id;              // of the configuration
  uint64_t apparent = 0;  // sizes of the files of its unpacked layers
  uint64_t blobs = 0;     // bytes of its manifest, configuration and packed layers
  uint64_t alone = 0;     // bytes on disk if it shared nothing, not even between its own files
  uint64_t unique = 0;    // bytes on disk that no other image uses: what removing it frees
  uint64_t shared = 0;    // bytes on disk that other images use as well
  bool unpacked = true;   // all its layers are
};

struct StoreUsage {
  std::vector<ImageUsage> images;  // those with names, by name
  uint64_t alone = 0;              // the sum of the images'
  uint64_t disk = 0;               // what they take together
  uint64_t reflinked =
      0;  // of `disk`: extents that files share without sharing an inode: disk is saved, page cache not
  [[nodiscard]] uint64_t saved() const { return alone > disk ? alone - disk : 0; }
};

// Blobs and objects are counted by digest, files of trees by inode, so that one with many names counts once.
Result<StoreUsage> store_usage(const Store& store);

}  // namespace shoji::images
