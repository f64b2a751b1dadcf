#pragma once
// Maps of sparse files: where a file has data; the rest is holes (GNU tar's manual, "Storing Sparse Files").
#include "images/tar/pax_headers.h"
#include "images/tar/stream_buffer.h"
#include "images/tar/tar_entry.h"

namespace shoji::images {

// Version 1.0 of pax: the map stands in front of the contents, in decimal lines. `stored` shrinks by what it took.
Result<> read_sparse_map(StreamBuffer& stream, uint64_t& stored, std::vector<uint64_t>& numbers);
// Old GNU: the map starts in the header block, and goes on in blocks that follow it. `header` is copied before.
Result<> read_gnu_sparse_map(StreamBuffer& stream, std::span<const char, 512> header,
                             std::vector<uint64_t>& numbers);

// Pairs of offset and size become entry.extents. They have to ascend, not overlap, lie within entry.size, and make up
// exactly the `stored` bytes.
Result<> set_extents(TarEntry& entry, std::span<const uint64_t> numbers, uint64_t stored);

}  // namespace shoji::images
