#include "cli/operator/ready_image.h"

#include <fcntl.h>
#include <unistd.h>

namespace shoji::cli::op {

Result<PullPolicy> parse_pull_policy(std::string_view text) {
  if (text == "missing") return PullPolicy::kMissing;
  if (text == "always") return PullPolicy::kAlways;
  if (text == "never") return PullPolicy::kNever;
  return fail(Kind::kInvalid, cat("--pull: ", quote(text), " is none of missing, always and never"));
}

namespace {

bool is_prepared(const images::Store& store, const images::Image& image, images::LayerFormat format) {
  if (format == images::LayerFormat::kComposed) {
    for (const std::string& path : store.paths())
      if (access(cat(path, "/composed/", image.id().file_name()).c_str(), F_OK) == 0) return true;
    return false;
  }
  for (const images::Digest& layer : image.config.diff_ids)
    if (!images::find_layer(store, layer, format)) return false;
  return true;
}

Result<int> prepare(const Globals& globals, const images::Image& image) {
  return run_image_program(globals, {"image", "prepare", "-q", image.target.digest.text()});
}

}  // namespace

Result<ReadyImage> ready_image(const Globals& globals, const images::Store& store, const std::string& text,
                               PullPolicy policy) {
  ReadyImage ready;
  TRY_ASSIGN(ready.format, images::layer_format(store));
  auto found = images::find_image(store, text);
  if (!found && (found.error().kind != Kind::kNotFound || policy == PullPolicy::kNever))
    return std::unexpected(found.error());
  if (!found || policy == PullPolicy::kAlways) {
    TRY_ASSIGN(ready.exit_code, run_image_program(globals, {"pull", text}));
    if (ready.exit_code != kExitOk) return ready;
    found = images::find_image(store, text);
    if (!found) return std::unexpected(found.error());
  }
  if (!is_prepared(store, *found, ready.format)) {
    TRY_ASSIGN(ready.exit_code, prepare(globals, *found));
    if (ready.exit_code != kExitOk) return ready;
  }
  ready.image = std::move(*found);
  return ready;
}

}  // namespace shoji::cli::op
