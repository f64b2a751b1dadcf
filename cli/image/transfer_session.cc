#include "cli/image/transfer_session.h"

#include "base/json.h"

namespace shoji::cli::image {

std::unique_ptr<images::Progress> progress_for(const op::ReportOptions& options) {
  if (options.quiet) return make_progress(ProgressStyle::kQuiet);
  return make_progress(options.format == "json" ? ProgressStyle::kJson : ProgressStyle::kAuto);
}

Result<> print_image(const op::ReportOptions& options, const images::Image& image) {
  if (options.format != "json") return print(cat(image.id().text(), "\n"));
  JsonWriter json;
  json.begin_object().member("event", "result");
  json.key("names").begin_array();
  for (const images::Reference& name : image.names) json.value(name.text());
  json.end_array();
  json.member("id", image.id().text());
  json.member("digest", image.target.digest.text()).end_object();
  return print(json.take() + "\n");
}

}  // namespace shoji::cli::image
