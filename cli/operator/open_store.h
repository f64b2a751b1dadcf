#pragma once
// The configuration and the store that the global options name.
#include "cli/operator/program.h"
#include "images/store/store.h"

namespace shoji::cli::op {

Result<images::ImagesConfig> open_config(const Globals& globals);
Result<images::Store> open_store(const Globals& globals, images::Store::Access access);

}  // namespace shoji::cli::op
