#pragma once
// Tests that try many moments: SHOJI_ROUNDS sets how many, SHOJI_SEED which.
#include <cstdlib>

namespace shoji::test {

inline unsigned number_from_environment(const char* name, unsigned otherwise) {
  const char* text = getenv(name);
  return text != nullptr ? static_cast<unsigned>(strtoul(text, nullptr, 10)) : otherwise;
}

inline unsigned rounds(unsigned otherwise) {
  return number_from_environment("SHOJI_ROUNDS", otherwise);
}
inline unsigned seed() {
  return number_from_environment("SHOJI_SEED", 1);
}

}  // namespace shoji::test
