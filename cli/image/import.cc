// import and commit: images made of what is on disk.
#include "cli/image/transfer_session.h"
#include "cli/image/verbs.h"
#include "cli/operator/open_store.h"
#include "images/transfer/changes.h"
#include "images/transfer/transfer.h"

namespace shoji::cli::image {

namespace {

Result<int> import(const op::Globals& globals, op::ImportOptions& options, Arguments& arguments) {
  images::ImportOptions how;
  how.message = options.message;
  TRY_ASSIGN(how.name, images::parse_reference(arguments[1]));
  how.config.platform = images::host_platform();
  for (const std::string& change : options.changes) TRY(images::apply_change(how.config, change));
  TRY_ASSIGN(images::Store store, op::open_store(globals, images::Store::Access::kWrite));
  auto progress = progress_for(options);
  TRY_ASSIGN(images::Image image, images::import_root(store, arguments[0], how, *progress));
  progress.reset();
  TRY(print_image(options, image));
  return kExitOk;
}

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

constinit const Verb import_verb = acting<op::ImportOptions, import>(op::kImport);
constinit const Verb commit_verb = acting<op::CommitOptions, commit>(op::kCommit);

}  // namespace shoji::cli::image
