#include "cli/operator/open_store.h"
#include "cli/operator/verbs.h"
#include "images/roots/root.h"

namespace shoji::cli::op {

namespace {

Result<int> clone(const Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kWrite));
  TRY_ASSIGN(images::Root root, images::clone_root(store, arguments[0], arguments[1]));
  TRY(print(root.name + "\n"));
  return kExitOk;
}

}  // namespace

constinit const Verb clone_verb = {
    .name = "clone",
    .arguments = "<root> <name>",
    .summary = "make a root that starts where another one is now",
    .description = "   They share everything until one of them writes.",
    .min_arguments = 2,
    .max_arguments = 2,
    .names_subject = true,
    .candidates = kRootNames,
    .run = parse_and_run<NoOptions, clone>,
};

}  // namespace shoji::cli::op
