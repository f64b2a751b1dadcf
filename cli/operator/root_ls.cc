// ls and inspect of roots.
#include "base/json.h"
#include "cli/human.h"
#include "cli/operator/open_store.h"
#include "cli/operator/verbs.h"
#include "cli/table.h"
#include "images/quota/quota.h"
#include "images/roots/root.h"

namespace shoji::cli::op {

namespace {

struct RootRow {
  images::Root root;
  images::QuotaUsage usage;  // kNone: not known without counting
};

Field name_of(const RootRow& row) {
  return {row.root.name};
}
Field image_of(const RootRow& row) {
  return {row.root.image};
}
Field mounted_of(const RootRow& row) {
  return row.root.mounted_at.empty() ? Field{{}, "-"} : Field{row.root.mounted_at};
}
Field snapshots_of(const RootRow& row) {
  return {uint64_t{row.root.snapshots.size()}};
}
Field used_of(const RootRow& row) {
  if (row.usage.kind == images::QuotaKind::kNone) return {{}, "-"};
  return {row.usage.bytes, human_size(row.usage.bytes)};
}
Field limit_of(const RootRow& row) {
  uint64_t bytes = row.usage.limits.bytes;
  return bytes == 0 ? Field{{}, "-"} : Field{bytes, human_size(bytes)};
}
Field inodes_of(const RootRow& row) {
  if (row.usage.kind == images::QuotaKind::kNone) return {{}, "-"};
  return {row.usage.inodes};
}
Field inode_limit_of(const RootRow& row) {
  uint64_t inodes = row.usage.limits.inodes;
  return inodes == 0 ? Field{{}, "-"} : Field{inodes};
}
Field quota_of(const RootRow& row) {
  return {std::string(images::quota_kind_name(row.usage.kind))};
}
Field id_of(const RootRow& row) {
  return {row.root.config.text(), row.root.config.short_text()};
}
Field layers_of(const RootRow& row) {
  return {uint64_t{row.root.diff_ids.size() + row.root.frozen.size()}};
}
Field format_of(const RootRow& row) {
  return {std::string(row.root.format == images::LayerFormat::kComposed ? "composed" : "tree")};
}
Field read_only_of(const RootRow& row) {
  return {row.root.options.read_only};
}
Field volatile_of(const RootRow& row) {
  return {row.root.options.volatile_upper};
}
Field labels_of(const RootRow& row) {
  return {row.root.options.labels};
}
Field diff_ids_of(const RootRow& row) {
  std::vector<std::string> digests;
  for (const images::Digest& digest : row.root.diff_ids) digests.push_back(digest.text());
  return {std::move(digests)};
}
Field snapshot_list_of(const RootRow& row) {
  JsonWriter json;
  json.begin_array();
  for (const images::Snapshot& snapshot : row.root.snapshots)
    json.begin_object()
        .member("name", snapshot.name)
        .member("created", utc_time(snapshot.created))
        .end_object();
  return {RawJson{json.end_array().take()}};
}

constexpr Column kColumns[] = {
    column<name_of>("name", "name"),
    column<image_of>("image", "as it was asked for"),
    column<mounted_of>("mounted", "where"),
    right_column<snapshots_of>("snapshots", "how many"),
    right_column<used_of>("used", "bytes written, where a limit counts them"),
    right_column<limit_of>("limit", "of bytes"),
    more_column<inodes_of>("inodes", "files written, where a limit counts them"),
    more_column<inode_limit_of>("inode_limit", "of files"),
    more_column<quota_of>("quota", "what holds the limit"),
    more_column<id_of>("id", "of the image"),
    more_column<layers_of>("layers", "below what is written"),
    more_column<format_of>("format", "of the layers: composed or tree"),
    more_column<read_only_of>("read_only", "whether nothing can be written"),
    more_column<volatile_of>("volatile", "whether what is written is thrown away"),
    more_column<labels_of>("labels", "free text"),
};
constexpr Column kInspectColumns[] = {
    column<name_of>("name", "name"),
    column<image_of>("image", "as it was asked for"),
    column<id_of>("id", "of the image"),
    column<mounted_of>("mounted", "where"),
    column<format_of>("format", "of the layers: composed or tree"),
    column<diff_ids_of>("diff_ids", "of the image's layers, lowest first"),
    column<layers_of>("layers", "below what is written"),
    column<snapshot_list_of>("snapshots", "oldest first"),
    column<quota_of>("quota", "what holds the limit"),
    column<used_of>("used", "bytes written, where a limit counts them"),
    column<limit_of>("limit", "of bytes"),
    column<inodes_of>("inodes", "files written, where a limit counts them"),
    column<inode_limit_of>("inode_limit", "of files"),
    column<read_only_of>("read_only", "whether nothing can be written"),
    column<volatile_of>("volatile", "whether what is written is thrown away"),
    column<labels_of>("labels", "free text"),
};

RootRow row_of(const images::Store& store, images::Root root) {
  RootRow row{std::move(root), {}};
  if (row.root.options.quota_bytes == 0 && row.root.options.quota_inodes == 0) return row;
  if (auto usage = images::root_usage(store, row.root)) row.usage = *usage;
  return row;
}

struct RootLsOptions : ListOptions {
  bool quiet = false;
  [[nodiscard]] Result<> check(const Arguments& /*arguments*/) const { return check_list(kColumns); }
};
constexpr auto kLsOptions =
    list_options<RootLsOptions>(std::array{option<&RootLsOptions::quiet>("quiet", 'q', "only the names")});

Result<int> root_ls(const Globals& globals, RootLsOptions& options, Arguments& /*arguments*/) {
  std::vector<RootRow> rows;
  auto store = open_store(globals, images::Store::Access::kRead);
  if (!store && store.error().kind != Kind::kNotFound) return std::unexpected(store.error());
  if (store) {
    TRY_ASSIGN(std::vector<images::Root> roots, images::list_roots(*store));
    for (images::Root& root : roots) rows.push_back(row_of(*store, std::move(root)));
  }
  if (options.quiet) {
    options.output = "name";
    options.no_heading = true;
  }
  TRY(print(listing(kColumns, options, rows)));
  return kExitOk;
}

struct RootInspectOptions : ListOptions {
  RootInspectOptions() { format = ""; }
  [[nodiscard]] Result<> check(const Arguments& /*arguments*/) {
    if (format.empty()) format = output.empty() ? "json" : "table";
    return check_list(kInspectColumns);
  }
};
constexpr auto kInspectOptions = list_options<RootInspectOptions>(std::array<Option, 0>{});

Result<int> root_inspect(const Globals& globals, RootInspectOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kRead));
  std::vector<RootRow> rows;
  for (const std::string& name : arguments) {
    auto root = images::find_root(store, name);
    if (!root) return Failure(within(quote(name), root.error()));
    rows.push_back(row_of(store, std::move(*root)));
  }
  TRY(print(listing(kInspectColumns, options, rows)));
  return kExitOk;
}

}  // namespace

constinit const Verb root_ls_verb = {
    .name = "ls",
    .summary = "list roots",
    .description =
        "   Fields: name, image, mounted, snapshots, used, limit, inodes, inode_limit, quota, id, layers, "
        "format,\n"
        "   read_only, volatile, labels.",
    .options = kLsOptions,
    .max_arguments = 0,
    .run = parse_and_run<RootLsOptions, root_ls>,
};

constinit const Verb root_inspect_verb = {
    .name = "inspect",
    .arguments = "<root>...",
    .summary = "print what is known of roots, as JSON",
    .description = "   -o image,mounted prints those fields as text. Fields: those of ls, and diff_ids.",
    .options = kInspectOptions,
    .min_arguments = 1,
    .candidates = kRootNames,
    .run = parse_and_run<RootInspectOptions, root_inspect>,
};

}  // namespace shoji::cli::op
