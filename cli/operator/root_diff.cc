#include "cli/operator/open_store.h"
#include "cli/operator/verbs.h"
#include "cli/table.h"
#include "images/roots/root.h"

namespace shoji::cli::op {

namespace {

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
