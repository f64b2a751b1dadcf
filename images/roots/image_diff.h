#pragma once
// What changed from one image to another, in their files.
#include "images/roots/root.h"

namespace shoji::images {

// Both are prepared in `format`. In path order; modes, owners, sizes, times, links, devices and contents count.
Result<std::vector<Change>> diff_images(const Store& store, const Image& before, const Image& after,
                                        LayerFormat format);

}  // namespace shoji::images
