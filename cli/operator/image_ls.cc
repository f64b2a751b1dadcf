#include "cli/operator/image_row.h"
#include "cli/operator/open_store.h"
#include "cli/operator/verbs.h"

namespace shoji::cli::op {

namespace {

struct ImageLsOptions : ListOptions {
  bool all = false, digests = false, quiet = false, no_trunc = false;
  [[nodiscard]] Result<> check(const Arguments& /*arguments*/) const { return check_list(image_columns()); }
};

constexpr auto kOptions = list_options<ImageLsOptions>(std::array{
    option<&ImageLsOptions::all>("all", 'a', "also images without a name"),
    option<&ImageLsOptions::quiet>("quiet", 'q', "only the ids"),
    option<&ImageLsOptions::digests>("digests", 0, "with the digest of each"),
    option<&ImageLsOptions::no_trunc>("no-trunc", 0, "whole digests"),
});

// The full id instead of its first digits.
Field whole_id(const ImageRow& row) {
  if (!row.image) return {{}, "-"};
  return {row.image->id().text()};
}

std::vector<Column> columns_for(const ImageLsOptions& options) {
  std::span<const Column> table = image_columns();
  std::vector<Column> columns(table.begin(), table.end());
  for (Column& column : columns) {
    if (column.name == "id" && options.no_trunc) column.get = &detail::RowOf<whole_id>::get;
    if (column.name == "digest") column.shown = options.digests;
  }
  return columns;
}

Result<int> image_ls(const Globals& globals, ImageLsOptions& options, Arguments& arguments) {
  std::vector<ImageRow> rows;
  auto store = open_store(globals, images::Store::Access::kRead);
  // A store that nothing was pulled into yet is one without images.
  if (!store && store.error().kind != Kind::kNotFound) return std::unexpected(store.error());
  if (store) {
    TRY_ASSIGN(rows, image_rows(*store, options.all));
  }
  if (!arguments.empty()) options.filters.push_back(cat("name=", arguments[0]));
  if (options.quiet) {
    options.output = "id";
    options.no_heading = true;
  }
  TRY(print(listing(columns_for(options), options, rows)));
  return kExitOk;
}

constexpr Verb named(std::string_view name, std::string_view summary) {
  return {
      .name = name,
      .arguments = "[pattern]",
      .summary = summary,
      .description =
          "   A pattern is a name, where * stands for any text. Fields: name, id, created, size, repository, "
          "tag,\n"
          "   digest, layers, platform, source, added, dangling.",
      .options = kOptions,
      .max_arguments = 1,
      .candidates = kImageNames,
      .run = parse_and_run<ImageLsOptions, image_ls>,
  };
}

}  // namespace

constinit const Verb image_ls_verb = named("ls", "list images");
constinit const Verb images_verb = named("images", "list images, as `image ls`");

}  // namespace shoji::cli::op
