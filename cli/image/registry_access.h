#pragma once
// What the options of a verb say about reaching a registry.
#include "cli/operator/handed_over.h"
#include "cli/operator/open_store.h"
#include "images/registry/registry.h"

namespace shoji::cli::image {

// --tls-verify=false goes into the configuration; --authfile and --creds become this process's file of credentials.
Result<> use_registry_options(images::ImagesConfig& config, const op::RegistryOptions& options,
                              const std::string& registry);
// The registries that `text` may lead to, for the same.
Result<> use_registry_options_for(images::ImagesConfig& config, const op::RegistryOptions& options,
                                  const images::Reference& reference);

}  // namespace shoji::cli::image
