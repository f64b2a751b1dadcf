#pragma once
// A directory whose limit is a filesystem of its own: DIRECTORY.img on a loop device, mounted at DIRECTORY. The limits
// that were asked for are an extended attribute of the image.
#include "base/fd.h"
#include "images/quota/quota.h"

namespace shoji::images {

std::string image_path(const std::string& directory);
bool has_image(const std::string& directory);

Result<> make_image(const std::string& directory, const QuotaLimits& limits);
// Mounts it where it is not mounted, and puts the limit in force.
Result<> activate_image(const std::string& directory);
Result<bool> image_mounted(const std::string& directory);
Result<> deactivate_image(const std::string& directory);
Result<> set_image_limits(const std::string& directory, const QuotaLimits& limits);
Result<QuotaUsage> usage_of_image(const std::string& directory);
Result<> remove_image(const std::string& directory);

}  // namespace shoji::images
