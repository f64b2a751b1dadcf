#pragma once
// layers/DIGEST/unified: which files of a layer are to have a common inode. Written before they get it, and again, marked
// as complete, afterwards.
#include <cstdint>
#include <string>
#include <vector>

#include "images/store/store.h"

namespace shoji::images {

struct LayerRecord {
  struct Directory {
    std::string path;  // "" is the root
    int64_t mtime = 0;
    uint32_t mtime_ns = 0;  // what replacing an entry changes, and is set again
  };
  struct File {
    std::string key;  // with its number: the name in unify/files/XX/
    std::string path;
  };
  std::vector<Directory> directories;
  std::vector<File> files;
  bool complete = false;
};

// kNotFound: the layer was not looked at. A record that is torn is kInvalid.
Result<LayerRecord> read_record(const Store& store, const Digest& diff_id);
Result<> write_record(const Store& store, const Digest& diff_id, const LayerRecord& record);

}  // namespace shoji::images
