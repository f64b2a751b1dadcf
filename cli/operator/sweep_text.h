#pragma once
#include <string>

#include "images/store/store.h"

namespace shoji::cli::op {

// What a sweep did, or would do, as a sentence.
std::string sweep_text(const images::Swept& swept, bool dry_run);

}  // namespace shoji::cli::op
