#include "spec/bundle.h"

#include <stdlib.h>

#include <cerrno>
#include <memory>

#include "base/io.h"
#include "base/json.h"
#include "spec/fields.h"
#include "spec/validate.h"

namespace shoji {
namespace {

constexpr size_t kMaxConfig = size_t{64} << 20;

Result<std::string> resolve(std::string_view directory) {
  std::string path(directory);
  std::unique_ptr<char, decltype(&free)> resolved(realpath(path.c_str(), nullptr), &free);
  if (resolved == nullptr) return fail_errno(errno, cat("bundle ", quote(path)));
  return std::string(resolved.get());
}

Result<Spec> load_config(const std::string& file, std::string_view name) {
  TRY_ASSIGN(std::string text, read_file(file, kMaxConfig));
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(text), name));
  Result<Spec> spec = load_spec(document);
  if (!spec) return std::unexpected(within(name, std::move(spec).error()));
  if (Result<> valid = validate(*spec); !valid)
    return std::unexpected(within(name, std::move(valid).error()));
  return spec;
}

}  // namespace

Result<Bundle> Bundle::load(std::string_view directory, std::string_view config_file) {
  Bundle bundle;
  TRY_ASSIGN(bundle.path, resolve(directory));
  bool own = config_file.empty();
  TRY_ASSIGN(bundle.spec, load_config(own ? cat(bundle.path, "/config.json") : std::string(config_file),
                                      own ? "config.json" : config_file));
  const std::string& root = bundle.spec.root.path;
  bundle.root_path = root.starts_with('/') ? root : cat(bundle.path == "/" ? "" : bundle.path, '/', root);
  return bundle;
}

}  // namespace shoji
