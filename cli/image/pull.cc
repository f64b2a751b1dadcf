#include "images/transfer/transfer.h"

#include "cli/image/registry_access.h"
#include "cli/image/transfer_session.h"
#include "cli/image/verbs.h"

namespace shoji::cli::image {

namespace {

Result<int> pull(const op::Globals& globals, op::PullOptions& options, Arguments& arguments) {
  images::PullOptions how{.all_platforms = options.all_platforms, .unpack = !options.no_unpack};
  if (!options.platform.empty()) {
    TRY_ASSIGN(how.platform, images::parse_platform(options.platform));
  }
  TRY_ASSIGN(images::ImagesConfig config, op::open_config(globals));
  std::vector<images::Reference> names;
  for (const std::string& text : arguments) {
    TRY_ASSIGN(images::Reference name, images::parse_reference(text));
    TRY(use_registry_options_for(config, options, name));
    names.push_back(std::move(name));
  }
  TRY_ASSIGN(images::Store store, images::Store::open(config, images::Store::Access::kWrite));
  std::vector<images::Image> pulled;
  {
    auto progress = progress_for(options);
    for (const images::Reference& name : names) {
      TRY_ASSIGN(images::Image image, images::pull(store, name, how, *progress));
      pulled.push_back(std::move(image));
    }
  }
  for (const images::Image& image : pulled) TRY(print_image(options, image));
  return kExitOk;
}

}  // namespace

constinit const Verb pull_verb = acting<op::PullOptions, pull>(op::kPull);

}  // namespace shoji::cli::image
