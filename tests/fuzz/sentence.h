#pragma once
// What every fuzz target asks of an error: one sentence of one line.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/error.h"

namespace shoji {

template <typename T>
bool is_good(const Result<T>& result) {
  if (result) return true;
  const std::string& text = result.error().text;
  if (text.empty() || text.find('\n') != std::string::npos || text.find('\0') != std::string::npos) {
    fprintf(stderr, "not one sentence: %s\n", text.c_str());
    abort();
  }
  return false;
}

inline void must(bool holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "does not hold: %s\n", what);
  abort();
}

}  // namespace shoji
