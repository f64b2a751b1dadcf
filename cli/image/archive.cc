// load and save.
#include <unistd.h>

#include "base/json.h"
#include "cli/image/transfer_session.h"
#include "cli/image/verbs.h"
#include "cli/operator/open_store.h"
#include "images/transfer/transfer.h"

namespace shoji::cli::image {

namespace {

Result<int> load(const op::Globals& globals, op::LoadOptions& options, Arguments& /*arguments*/) {
  if (options.input == "-" && isatty(STDIN_FILENO) != 0)
    return fail(Kind::kInvalid, "an archive is expected on standard input, or as --input FILE");
  TRY_ASSIGN(images::Store store, op::open_store(globals, images::Store::Access::kWrite));
  std::vector<images::NamedImage> loaded;
  {
    auto progress = progress_for(options);
    TRY_ASSIGN(loaded, images::load(store, options.input, *progress));
  }
  for (const images::NamedImage& image : loaded) {
    if (options.format != "json") {
      TRY(print(cat(options.quiet ? "" : "Loaded image: ", image.name.text(), "\n")));
      continue;
    }
    JsonWriter json;
    json.begin_object().member("event", "result").member("name", image.name.text());
    TRY(print(json.member("digest", image.target.digest.text()).end_object().take() + "\n"));
  }
  return kExitOk;
}

Result<int> save(const op::Globals& globals, op::SaveOptions& options, Arguments& arguments) {
  if (options.output == "-" && isatty(STDOUT_FILENO) != 0)
    return fail(Kind::kInvalid, "an archive does not go to a terminal: redirect it, or say --output FILE");
  TRY_ASSIGN(images::Store store, op::open_store(globals, images::Store::Access::kRead));
  auto archive = images::ArchiveFormat::kOci;
  if (options.archive == "docker-archive") archive = images::ArchiveFormat::kDocker;
  if (options.archive == "oci-dir") archive = images::ArchiveFormat::kOciDirectory;
  auto progress = progress_for(options);
  TRY(images::save(store, arguments, archive, options.output, *progress));
  return kExitOk;
}

}  // namespace

constinit const Verb load_verb = acting<op::LoadOptions, load>(op::kLoad);
constinit const Verb save_verb = acting<op::SaveOptions, save>(op::kSave);

}  // namespace shoji::cli::image
