#include "images/registry/auth_files.h"

#include <unistd.h>

#include <cstdlib>

namespace shoji::images {

namespace {

std::string environment(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

std::vector<AuthFile> auth_files() {
  if (std::string path = environment("REGISTRY_AUTH_FILE"); !path.empty()) return {{path}};
  std::vector<AuthFile> files;
  std::string runtime = environment("XDG_RUNTIME_DIR"), home = environment("HOME");
  if (!runtime.empty()) files.push_back({runtime + "/containers/auth.json"});
  files.push_back({cat("/run/containers/", geteuid(), "/auth.json")});
  std::string config = environment("XDG_CONFIG_HOME");
  if (config.empty() && !home.empty()) config = home + "/.config";
  if (!config.empty()) files.push_back({config + "/containers/auth.json"});
  std::string docker = environment("DOCKER_CONFIG");
  if (docker.empty() && !home.empty()) docker = home + "/.docker";
  if (!docker.empty()) files.push_back({docker + "/config.json"});
  return files;
}

std::vector<std::string> old_keys(const std::string& registry) {
  if (registry == "docker.io")
    return {"https://index.docker.io/v1/", "index.docker.io", "registry-1.docker.io",
            "https://index.docker.io/v1"};
  return {cat("https://", registry), cat("https://", registry, "/v1/"), cat("https://", registry, "/v2/"),
          cat("http://", registry)};
}

std::string helper_in(Json root, const std::string& registry) {
  Json helpers = root.find("credHelpers");
  Json helper = helpers.is_object() ? helpers.find(registry) : Json();
  if (!helper.is_string()) helper = root.find("credsStore");
  return helper.is_string() ? std::string(helper.as_string().value_or("")) : std::string();
}

}  // namespace shoji::images
