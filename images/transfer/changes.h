#pragma once
// Changes to an image's configuration in the words of a Dockerfile, as `commit --change` takes them.
#include <string_view>

#include "images/store/manifest.h"

namespace shoji::images {

// "CMD [\"a\",\"b\"]", "CMD a b" (by a shell), ENV, ENTRYPOINT, EXPOSE, LABEL, USER, VOLUME, WORKDIR, STOPSIGNAL.
Result<> apply_change(ImageConfig& config, std::string_view change);

}  // namespace shoji::images
