#pragma once
// Credentials for registries, where podman, skopeo and docker keep them: containers' auth.json
// (containers-auth.json(5): $REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers, /run/containers/UID,
// $XDG_CONFIG_HOME/containers), docker's config.json ($DOCKER_CONFIG, ~/.docker), and their credential helpers
// (docker-credential-NAME).
#include <string>

#include "base/error.h"

namespace shoji::images {

struct Credentials {
  std::string user, password;
  std::string identity_token;
  [[nodiscard]] bool empty() const { return user.empty() && identity_token.empty(); }
};
// The most specific entry of the first file that has one: "registry/a/b", "registry/a", "registry". Empty: there are none.
Result<Credentials> find_credentials(const std::string& registry, const std::string& repository);
// To containers' auth.json of this user, or to the helper that it names for the registry.
Result<> save_credentials(const std::string& registry, const Credentials& credentials);
Result<> remove_credentials(const std::string& registry);  // kNotFound when there are none

}  // namespace shoji::images
