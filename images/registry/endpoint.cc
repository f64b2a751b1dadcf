#include "images/registry/endpoint.h"

#include "images/registry/url.h"

namespace shoji::images {

namespace {

// Docker Hub answers at another host than its name, and has a place for images without a place.
constexpr std::string_view kHub = "docker.io", kHubHost = "registry-1.docker.io", kHubPlace = "library/";

std::unique_ptr<Endpoint> make_endpoint(const ImagesConfig& config, const std::string& registry,
                                        std::string repository) {
  auto endpoint = std::make_unique<Endpoint>();
  endpoint->registry = registry;
  endpoint->host = registry == kHub ? std::string(kHubHost) : registry;
  if (registry == kHub && !repository.empty() && repository.find('/') == std::string::npos)
    repository.insert(0, kHubPlace);
  endpoint->repository = std::move(repository);
  if (auto found = config.registries.find(registry); found != config.registries.end())
    endpoint->config = found->second;
  endpoint->insecure = endpoint->config.insecure || is_loopback(registry);
  return endpoint;
}

Result<std::unique_ptr<Endpoint>> make_mirror(const ImagesConfig& config, const std::string& mirror,
                                              const Endpoint& origin) {
  // "HOST[:PORT]" or "HOST[:PORT]/PREFIX" before a repository has to be a name.
  Result<Reference> name = parse_reference(cat(mirror, "/x"));
  if (!name || name->is_short() || name->name() != cat(mirror, "/x"))
    return fail(Kind::kInvalid, cat("mirror ", quote(mirror), " of registry ", quote(origin.registry),
                                    " is not HOST[:PORT][/PREFIX]"));
  size_t slash = mirror.find('/');
  std::string prefix = slash == std::string::npos ? std::string() : mirror.substr(slash + 1) + '/';
  auto endpoint = make_endpoint(config, mirror.substr(0, slash), prefix + origin.repository);
  endpoint->mirror = true;
  return endpoint;
}

}  // namespace

std::string Endpoint::base_url() const {
  return cat(scheme == Scheme::kHttp ? "http://" : "https://", host);
}

std::string Endpoint::scope(std::string_view actions) const {
  return repository.empty() || actions.empty() ? std::string() : cat("repository:", repository, ':', actions);
}

Result<Endpoints> endpoints_of(const ImagesConfig& config, const Reference& name) {
  if (name.registry.empty())
    return fail(Kind::kInvalid, cat("image ", quote(name.text()), " does not say which registry it is on"));
  auto origin = make_endpoint(config, name.registry, name.repository);
  if (origin->config.blocked)
    return fail(Kind::kState, cat("registry ", quote(name.registry), " is blocked by the configuration"));
  Endpoints found;
  for (const std::string& mirror : origin->config.mirrors) {
    TRY_ASSIGN(std::unique_ptr<Endpoint> endpoint, make_mirror(config, mirror, *origin));
    if (!endpoint->config.blocked) found.push_back(std::move(endpoint));
  }
  found.push_back(std::move(origin));
  return found;
}

}  // namespace shoji::images
