#pragma once
// From facts to the overlay that shows them: which layers, where they are, and with what options.
#include "images/roots/overlay.h"
#include "images/roots/root_dir.h"

namespace shoji::images {

// The layers of an image, lowest first in `diff_ids`.
struct ImageLayers {
  Digest config;
  LayerFormat format = LayerFormat::kTree;
  std::vector<Digest> diff_ids;
};

enum class UpperUse : uint8_t {
  kUpper,       // written to
  kLowerLayer,  // the root as it is now, read-only: for looking at it while it is not mounted
};

// Adds the image's layers below what `plan` has. kNotFound when one of them is not prepared.
Result<> add_image(const Store& store, const ImageLayers& image, OverlayPlan& plan);
Result<OverlayPlan> plan_image(const Store& store, const ImageLayers& image);
Result<OverlayPlan> plan_root(const Store& store, const Root& root, UpperUse use);
ImageLayers image_layers(const Root& root);

}  // namespace shoji::images
