#pragma once
// gzip (isa-l in, zlib out), zstd and nothing. zstd:chunked is zstd with skippable frames, which are skipped.
#include <memory>

#include "images/store/manifest.h"
#include "images/tar/byte_source.h"

namespace shoji::images {

// By the first bytes, whatever a media type says.
Compression sniff_compression(std::span<const char> head);

// Reads `compressed` (which must outlive it) and yields what was compressed. Several gzip members or zstd frames are one
// stream; a stream that ends too early, or has something else behind it, is kInvalid. So is one that yields more than
// kRatioFree bytes and `ratio` times what was read (UnpackLimits::ratio; 0: any).
std::unique_ptr<ByteSource> decompressor(ByteSource& compressed, Compression kind, uint32_t ratio = 0);
inline constexpr uint64_t kRatioFree = 256 << 20;

// Deterministic: the same bytes and level give the same output (no names, no times in gzip's header).
// level 0: the default of the kind.
std::unique_ptr<ByteSink> compressor(ByteSink& out, Compression kind, int level = 0);

}  // namespace shoji::images
