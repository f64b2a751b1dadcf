#include "base/io.h"
#include "base/json.h"
#include "cli/image/registry_access.h"
#include "cli/image/transfer_session.h"
#include "cli/image/verbs.h"
#include "images/transfer/transfer.h"

namespace shoji::cli::image {

namespace {

images::Compression compression_named(std::string_view name) {
  if (name == "zstd") return images::Compression::kZstd;
  return name == "none" ? images::Compression::kNone : images::Compression::kGzip;
}

// Where to: said, or the name of the image itself.
Result<images::Reference> destination_of(const images::Store& store, const Arguments& arguments) {
  if (arguments.size() > 1) return images::parse_reference(arguments[1]);
  TRY_ASSIGN(images::Image image, images::find_image(store, arguments[0]));
  for (const images::Reference& name : image.names)
    if (name.registry != "localhost") return name;
  return fail(Kind::kInvalid, "the image has no name on a registry: say a destination");
}

Result<int> push(const op::Globals& globals, op::PushOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::ImagesConfig config, op::open_config(globals));
  TRY_ASSIGN(images::Store names, images::Store::open(config, images::Store::Access::kRead));
  images::PushOptions how;
  how.force_compression = options.force_compression;
  how.compression = compression_named(options.compression);
  how.sign_key = options.sign_key;
  TRY_ASSIGN(how.destination, destination_of(names, arguments));
  TRY(use_registry_options_for(config, options, how.destination));
  // The options are in the configuration that the store carries.
  TRY_ASSIGN(images::Store store, images::Store::open(config, images::Store::Access::kWrite));
  images::Digest digest;
  {
    auto progress = progress_for(options);
    TRY_ASSIGN(digest, images::push(store, arguments[0], how, *progress));
  }
  if (!options.digestfile.empty()) TRY(write_file_atomically(options.digestfile, digest.text() + "\n", 0644));
  if (options.format != "json") {
    TRY(print(digest.text() + "\n"));
    return kExitOk;
  }
  JsonWriter json;
  json.begin_object().member("event", "result").member("name", how.destination.text());
  TRY(print(json.member("digest", digest.text()).end_object().take() + "\n"));
  return kExitOk;
}

}  // namespace

constinit const Verb push_verb = acting<op::PushOptions, push>(op::kPush);

}  // namespace shoji::cli::image
