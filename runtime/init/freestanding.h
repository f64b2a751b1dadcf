#pragma once
// What a freestanding program has to bring itself.
#include <stddef.h>

namespace shoji {

inline void copy_bytes(void* to, const void* from, size_t size) {
  auto* out = static_cast<char*>(to);
  const auto* in = static_cast<const char*>(from);
  for (size_t i = 0; i < size; ++i) out[i] = in[i];
}

}  // namespace shoji
