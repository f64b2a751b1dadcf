#pragma once
// What every transfer verb does around its transfer: shows progress, prints the result.
#include <memory>

#include "cli/image/progress.h"
#include "cli/operator/handed_over.h"
#include "images/store/store.h"

namespace shoji::cli::image {

std::unique_ptr<images::Progress> progress_for(const op::ReportOptions& options);

// On standard output: an image's id, or with --format json {"event": "result", ...}.
Result<> print_image(const op::ReportOptions& options, const images::Image& image);

}  // namespace shoji::cli::image
