#include "cli/human.h"
#include "cli/operator/open_store.h"
#include "cli/operator/verbs.h"
#include "cli/table.h"
#include "images/unify/usage.h"

namespace shoji::cli::op {

namespace {

using images::ImageUsage;

Field bytes(uint64_t count) {
  return {count, human_size(count)};
}
Field names_of(const ImageUsage& row) {
  std::vector<std::string> names;
  for (const images::Reference& name : row.names) names.push_back(name.text());
  return {std::move(names)};
}
Field id_of(const ImageUsage& row) {
  return {row.id.text(), row.id.short_text()};
}
Field apparent_of(const ImageUsage& row) {
  return bytes(row.apparent);
}
Field blobs_of(const ImageUsage& row) {
  return bytes(row.blobs);
}
Field alone_of(const ImageUsage& row) {
  return bytes(row.alone);
}
Field unique_of(const ImageUsage& row) {
  return bytes(row.unique);
}
Field shared_of(const ImageUsage& row) {
  return bytes(row.shared);
}
Field unpacked_of(const ImageUsage& row) {
  return {row.unpacked};
}

constexpr Column kColumns[] = {
    column<names_of>("names", "every name"),
    right_column<apparent_of>("apparent", "sizes of the files of its layers"),
    right_column<alone_of>("alone", "on disk, if it shared nothing"),
    right_column<shared_of>("shared", "on disk, used by other images too"),
    right_column<unique_of>("unique", "on disk, used by it alone: what removing it frees"),
    more_column<id_of>("id", "digest of the configuration"),
    more_column<blobs_of>("blobs", "of its packed layers, manifest and configuration"),
    more_column<unpacked_of>("unpacked", "whether all its layers are"),
};

struct DuOptions : ListOptions {
  [[nodiscard]] Result<> check(const Arguments& /*arguments*/) const { return check_list(kColumns); }
};
constexpr auto kOptions = list_options<DuOptions>(std::array<Option, 0>{});

std::string summary(const images::StoreUsage& usage) {
  std::string text = cat(human_size(usage.disk), " on disk; ", human_size(usage.alone),
                         " if nothing was shared: ", human_size(usage.saved()), " saved");
  if (usage.reflinked != 0)
    text += cat(" (", human_size(usage.reflinked), " of it by reflinks, on disk only)");
  return text + "\n";
}

Result<int> du(const Globals& globals, DuOptions& options, Arguments& /*arguments*/) {
  images::StoreUsage usage;
  auto store = open_store(globals, images::Store::Access::kRead);
  if (!store && store.error().kind != Kind::kNotFound) return std::unexpected(store.error());
  if (store) {
    TRY_ASSIGN(usage, images::store_usage(*store));
  }
  std::string text = listing(kColumns, options, usage.images);
  // The sum is for people: a program adds up what it wants.
  if (options.format == "table" && options.output.empty() && !options.no_heading)
    text += "\n" + summary(usage);
  TRY(print(text));
  return kExitOk;
}

}  // namespace

constinit const Verb du_verb = {
    .name = "du",
    .summary = "show what images take on disk, and what they share",
    .description = "   Fields: names, apparent, alone, shared, unique, id, blobs, unpacked.",
    .options = kOptions,
    .max_arguments = 0,
    .run = parse_and_run<DuOptions, du>,
};

}  // namespace shoji::cli::op
