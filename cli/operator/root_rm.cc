// rm, clone and diff of roots.
#include "cli/operator/open_store.h"
#include "cli/operator/verbs.h"
#include "cli/table.h"
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

Result<int> clone(const Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kWrite));
  TRY_ASSIGN(images::Root root, images::clone_root(store, arguments[0], arguments[1]));
  TRY(print(root.name + "\n"));
  return kExitOk;
}

Field kind_of(const images::Change& change) {
  return {std::string(1, static_cast<char>(change.kind))};
}
Field path_of(const images::Change& change) {
  return {change.path};
}
constexpr Column kColumns[] = {
    column<kind_of>("kind", "A added, C modified, D deleted"),
    column<path_of>("path", "absolute, in the root"),
};
struct RootDiffOptions : ListOptions {
  RootDiffOptions() { no_heading = true; }
  [[nodiscard]] Result<> check(const Arguments& /*arguments*/) const { return check_list(kColumns); }
};
constexpr auto kDiffOptions = list_options<RootDiffOptions>(std::array<Option, 0>{});

Result<int> root_diff(const Globals& globals, RootDiffOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kRead));
  TRY_ASSIGN(images::Root root, images::find_root(store, arguments[0]));
  TRY_ASSIGN(std::vector<images::Change> changes, images::diff_root(store, root));
  TRY(print(listing(kColumns, options, changes)));
  return kExitOk;
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

constinit const Verb root_diff_verb = {
    .name = "diff",
    .arguments = "<root>",
    .summary = "list what a root changed of its image",
    .description =
        "   A added, C modified, D deleted. Fields: kind, path; --no-heading=false shows the headings.",
    .options = kDiffOptions,
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kRootNames,
    .run = parse_and_run<RootDiffOptions, root_diff>,
};

}  // namespace shoji::cli::op
