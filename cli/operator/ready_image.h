#pragma once
// An image that a root can be made of: in the store, and unpacked. What it takes to get there is shoji-image's work.
#include <optional>

#include "cli/operator/open_store.h"

namespace shoji::cli::op {

enum class PullPolicy : uint8_t { kMissing, kAlways, kNever };
Result<PullPolicy> parse_pull_policy(std::string_view text);

struct ReadyImage {
  std::optional<images::Image> image;
  images::LayerFormat format = images::LayerFormat::kTree;
  int exit_code = kExitOk;  // when there is no image: of shoji-image, which said why
};
Result<ReadyImage> ready_image(const Globals& globals, const images::Store& store, const std::string& text,
                               PullPolicy policy);

}  // namespace shoji::cli::op
