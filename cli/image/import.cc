#include "cli/image/transfer_session.h"
#include "cli/image/verbs.h"
#include "cli/operator/open_store.h"
#include "images/transfer/transfer.h"

namespace shoji::cli::image {

namespace {

Result<int> import(const op::Globals& globals, op::ImportOptions& options, Arguments& arguments) {
  images::ImportOptions how;
  how.message = options.message;
  TRY_ASSIGN(how.name, images::parse_reference(arguments[1]));
  how.changes = options.changes;
  TRY_ASSIGN(images::Store store, op::open_store(globals, images::Store::Access::kWrite));
  auto progress = progress_for(options);
  TRY_ASSIGN(images::Image image, images::import_root(store, arguments[0], how, *progress));
  progress.reset();
  TRY(print_image(options, image));
  return kExitOk;
}

}  // namespace

constinit const Verb import_verb = acting<op::ImportOptions, import>(op::kImport);

}  // namespace shoji::cli::image
