#include "cli/operator/open_store.h"
#include "cli/operator/verbs.h"
#include "images/roots/root.h"

namespace shoji::cli::op {

namespace {

struct RootRmOptions {
  bool force = false;
};
constexpr Option kRmOptions[] = {
    option<&RootRmOptions::force>("force", 'f', "also a mounted one; one that is not there is fine"),
};

Result<> remove_one(const images::Store& store, const std::string& name, bool force) {
  // A root that was never finished has no facts, and goes nevertheless.
  auto root = images::find_root(store, name);
  if (root && !root->mounted_at.empty() && !force)
    return fail(Kind::kState, cat("mounted on ", quote(root->mounted_at), ": unmount it, or say -f"));
  Result<> removed = images::remove_root(store, name);
  if (!removed && force && removed.error().kind == Kind::kNotFound) return {};
  return removed;
}

Result<int> root_rm(const Globals& globals, RootRmOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kWrite));
  bool failed = false;
  for (const std::string& name : arguments) {
    Result<> removed = remove_one(store, name, options.force);
    if (removed) continue;
    // The others go nevertheless, as with rm(1).
    report(within(cat("root rm ", quote(name)), removed.error()));
    failed = true;
  }
  return failed ? kExitError : kExitOk;
}

}  // namespace

constinit const Verb root_rm_verb = {
    .name = "rm",
    .arguments = "<root>...",
    .summary = "remove roots with all that was written to them",
    .options = kRmOptions,
    .min_arguments = 1,
    .candidates = kRootNames,
    .run = parse_and_run<RootRmOptions, root_rm>,
};

}  // namespace shoji::cli::op
