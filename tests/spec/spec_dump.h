#pragma once
// A Spec printed as the document it came from: written by hand, so that it proves where the loader put each
// value.
#include <string>

#include "spec/spec.h"

namespace shoji {
std::string dump_spec(const Spec& spec);
}  // namespace shoji
