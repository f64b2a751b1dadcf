#pragma once
// Where a repository can be reached: its registry, or a mirror of it.
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "images/registry/authorizer.h"
#include "images/store/config.h"
#include "images/store/reference.h"

namespace shoji::images {

struct Endpoint {
  std::string host;        // "HOST[:PORT]" to connect to
  std::string registry;    // its name in configuration and credentials; differs for docker.io
  std::string repository;  // with the mirror's prefix
  RegistryConfig config;
  bool insecure = false;
  bool mirror = false;

  // Learned by whoever comes first, good for all clones.
  enum class Scheme : uint8_t { kUnknown, kHttps, kHttp };
  std::atomic<Scheme> scheme = Scheme::kUnknown;
  std::atomic<bool> down = false;  // a mirror that could not be reached is not tried for every blob
  Authorizer authorizer;

  [[nodiscard]] std::string base_url() const;  // "https://host:port"
  // "repository:NAME:ACTIONS", the token specification's words.
  [[nodiscard]] std::string scope(std::string_view actions) const;
};
using Endpoints = std::vector<std::unique_ptr<Endpoint>>;

// Mirrors in their order, then the registry itself. A blocked registry is kState, a blocked mirror is left out.
Result<Endpoints> endpoints_of(const ImagesConfig& config, const Reference& name);

}  // namespace shoji::images
