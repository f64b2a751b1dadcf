#include "cli/image/transfer_session.h"
#include "cli/image/verbs.h"
#include "cli/operator/open_store.h"
#include "images/transfer/transfer.h"

namespace shoji::cli::image {

namespace {

Result<int> commit(const op::Globals& globals, op::CommitOptions& options, Arguments& arguments) {
  images::CommitOptions how;
  how.author = options.author;
  how.message = options.message;
  how.changes = options.changes;
  TRY_ASSIGN(how.name, images::parse_reference(arguments[1]));
  TRY_ASSIGN(images::Store store, op::open_store(globals, images::Store::Access::kWrite));
  auto progress = progress_for(options);
  TRY_ASSIGN(images::Image image, images::commit_root(store, arguments[0], how, *progress));
  progress.reset();
  TRY(print_image(options, image));
  return kExitOk;
}

}  // namespace

constinit const Verb commit_verb = acting<op::CommitOptions, commit>(op::kCommit);

}  // namespace shoji::cli::image
