#include "cli/image/registry_access.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/io.h"
#include "base/json.h"
#include "images/registry/base64.h"

namespace shoji::cli::image {

namespace {

// A file of credentials that nobody else can open and that no crash leaves behind.
Result<> use_credentials(const std::string& registry, std::string_view creds) {
  JsonWriter json;
  json.begin_object().key("auths").begin_object().key(registry).begin_object();
  json.member("auth", images::encode_base64(creds)).end_object().end_object().end_object();
  int file = memfd_create("credentials", MFD_CLOEXEC);
  if (file < 0) return fail_errno(errno, "memfd_create");
  // Open as long as this process lives.
  TRY(write_all(file, json.take(), "credentials"));
  setenv("REGISTRY_AUTH_FILE", cat("/proc/self/fd/", file).c_str(), 1);
  return {};
}

}  // namespace

Result<> use_registry_options(images::ImagesConfig& config, const op::RegistryOptions& options,
                              const std::string& registry) {
  if (!options.tls_verify) config.registries[registry].insecure = true;
  if (!options.authfile.empty()) setenv("REGISTRY_AUTH_FILE", options.authfile.c_str(), 1);
  if (!options.creds.empty()) TRY(use_credentials(registry, options.creds));
  return {};
}

Result<> use_registry_options_for(images::ImagesConfig& config, const op::RegistryOptions& options,
                                  const images::Reference& reference) {
  if (options.tls_verify && options.authfile.empty() && options.creds.empty()) return {};
  TRY_ASSIGN(std::vector<images::Reference> candidates, images::resolve_short_name(config, reference));
  for (const images::Reference& candidate : candidates)
    TRY(use_registry_options(config, options, candidate.registry));
  return {};
}

}  // namespace shoji::cli::image
