#include "images/roots/image_diff.h"

#include "cli/operator/ready_image.h"
#include "cli/operator/verbs.h"
#include "cli/table.h"

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
    column<path_of>("path", "absolute, in the image or root"),
};

// Of a root to its image, and of images.
struct DiffOptions : ListOptions {
  DiffOptions() { no_heading = true; }
  [[nodiscard]] Result<> check(const Arguments& /*arguments*/) const { return check_list(kColumns); }
};
constexpr auto kOptions = list_options<DiffOptions>(std::array<Option, 0>{});

Result<int> image_diff(const Globals& globals, DiffOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kWrite));
  TRY_ASSIGN(ReadyImage before, ready_image(globals, store, arguments[0], PullPolicy::kNever));
  if (!before.image) return before.exit_code;
  TRY_ASSIGN(ReadyImage after, ready_image(globals, store, arguments[1], PullPolicy::kNever));
  if (!after.image) return after.exit_code;
  TRY_ASSIGN(std::vector<images::Change> changes,
             images::diff_images(store, *before.image, *after.image, before.format));
  TRY(print(listing(kColumns, options, changes)));
  return kExitOk;
}

Result<int> root_diff(const Globals& globals, DiffOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kRead));
  TRY_ASSIGN(images::Root root, images::find_root(store, arguments[0]));
  TRY_ASSIGN(std::vector<images::Change> changes, images::diff_root(store, root));
  TRY(print(listing(kColumns, options, changes)));
  return kExitOk;
}

}  // namespace

constinit const Verb image_diff_verb = {
    .name = "diff",
    .arguments = "<image> <image>",
    .summary = "list what a second image has other than a first one",
    .description =
        "   A added, C modified, D deleted. Modes, owners, times and contents count. Fields: kind, path;\n"
        "   --no-heading=false shows the headings.",
    .options = kOptions,
    .min_arguments = 2,
    .max_arguments = 2,
    .candidates = kImageNames,
    .run = parse_and_run<DiffOptions, image_diff>,
};

constinit const Verb root_diff_verb = {
    .name = "diff",
    .arguments = "<root>",
    .summary = "list what a root changed of its image",
    .description =
        "   A added, C modified, D deleted. Fields: kind, path; --no-heading=false shows the headings.",
    .options = kOptions,
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kRootNames,
    .run = parse_and_run<DiffOptions, root_diff>,
};

}  // namespace shoji::cli::op
