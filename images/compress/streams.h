#pragma once
// The streams behind decompressor() and compressor(), one library each.
#include "images/compress/compression.h"

namespace shoji::images {

std::unique_ptr<ByteSource> gzip_source(ByteSource& compressed);
std::unique_ptr<ByteSource> zstd_source(ByteSource& compressed);
std::unique_ptr<ByteSink> gzip_sink(ByteSink& out, int level);
std::unique_ptr<ByteSink> zstd_sink(ByteSink& out, int level);

// What a stream takes in or puts out at once.
inline constexpr size_t kStreamBuffer = 128 << 10;

}  // namespace shoji::images
