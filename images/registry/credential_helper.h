#pragma once
// docker-credential-NAME programs (https://github.com/docker/docker-credential-helpers, "Development").
#include "images/registry/credentials.h"

namespace shoji::images {

// Empty when the helper knows none.
Result<Credentials> helper_get(const std::string& helper, const std::string& server);
Result<> helper_store(const std::string& helper, const std::string& server, const Credentials& credentials);
Result<> helper_erase(const std::string& helper, const std::string& server);

}  // namespace shoji::images
