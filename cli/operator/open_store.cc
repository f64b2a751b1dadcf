#include "cli/operator/open_store.h"

namespace shoji::cli::op {

Result<images::ImagesConfig> open_config(const Globals& globals) {
  TRY_ASSIGN(images::ImagesConfig config, images::load_images_config(globals.config));
  if (!globals.store.empty()) config.store = globals.store;
  return config;
}

Result<images::Store> open_store(const Globals& globals, images::Store::Access access) {
  TRY_ASSIGN(images::ImagesConfig config, open_config(globals));
  return images::Store::open(config, access);
}

}  // namespace shoji::cli::op
