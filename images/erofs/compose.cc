#include "images/erofs/compose.h"

#include <fcntl.h>

#include <vector>

#include "base/io.h"
#include "images/erofs/image_writer.h"

namespace shoji::images {

Result<> compose(std::span<const std::string> indexes, int fd) {
  MergedTree tree;
  std::vector<UniqueFd> files;
  StreamChecksum identity;
  IndexedEntry entry;
  for (const std::string& path : indexes) {
    TRY_ASSIGN(UniqueFd file, open_file(path, O_RDONLY));
    auto layer = static_cast<uint32_t>(files.size());
    auto merge = [&]() -> Result<> {
      TRY_ASSIGN(IndexReader reader, IndexReader::open(file.get()));
      while (true) {
        TRY_ASSIGN(bool more, reader.next(entry));
        if (!more) break;
        TRY(tree.add(layer, entry, reader.position()));
      }
      uint64_t checksum = reader.checksum();
      identity.update({reinterpret_cast<const char*>(&checksum), sizeof checksum});
      return {};
    };
    if (auto merged = merge(); !merged) return std::unexpected(within(quote(path), merged.error()));
    files.push_back(std::move(file));
  }
  TRY_ASSIGN(ImageLayout layout, lay_out(tree));
  return ImageWriter(tree, layout, files, fd).write(identity.value());
}

}  // namespace shoji::images
