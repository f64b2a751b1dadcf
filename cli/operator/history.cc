#include <ctime>

#include "cli/human.h"
#include "cli/operator/open_store.h"
#include "cli/operator/verbs.h"
#include "cli/table.h"

namespace shoji::cli::op {

namespace {

// A step of how an image was made, with the layer that it left.
struct Step {
  images::HistoryEntry entry;
  images::Descriptor layer;  // without digest: it left none
};

Field layer_of(const Step& step) {
  if (step.layer.digest.empty()) return {{}, "-"};
  return {step.layer.digest.text(), step.layer.digest.short_text()};
}
Field created_of(const Step& step) {
  auto created = parse_utc_time(step.entry.created);
  if (!created) return {{}, "-"};
  return {utc_time(*created), cat(human_age(time(nullptr) - *created), " ago")};
}
Field by_of(const Step& step) {
  constexpr size_t kWide = 60;
  std::string text = printable(step.entry.created_by);
  if (display_width(text) <= kWide) return {step.entry.created_by};
  size_t end = kWide - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return {step.entry.created_by, text.substr(0, end) + "..."};
}
Field size_of(const Step& step) {
  return {step.layer.size, human_size(step.layer.size)};
}
Field comment_of(const Step& step) {
  return {step.entry.comment};
}
Field author_of(const Step& step) {
  return {step.entry.author};
}

constexpr Column kColumns[] = {
    column<layer_of>("layer", "digest of the layer that the step left"),
    column<created_of>("created", "when"),
    column<by_of>("created_by", "the command"),
    right_column<size_of>("size", "of the layer in the store"),
    column<comment_of>("comment", "what was said about it"),
    more_column<author_of>("author", "who"),
};

struct HistoryOptions : ListOptions {
  bool quiet = false, no_trunc = false;
  [[nodiscard]] Result<> check(const Arguments& /*arguments*/) const { return check_list(kColumns); }
};
constexpr auto kOptions = list_options<HistoryOptions>(std::array{
    option<&HistoryOptions::quiet>("quiet", 'q', "only the digests of the layers"),
    option<&HistoryOptions::no_trunc>("no-trunc", 0, "whole digests and commands"),
});

// Newest first. An image without history has a step for each layer.
std::vector<Step> steps_of(const images::Image& image) {
  std::vector<Step> steps;
  size_t next = 0;
  const auto& layers = image.manifest.layers;
  for (const images::HistoryEntry& entry : image.config.history) {
    Step step{entry, {}};
    if (!entry.empty_layer && next < layers.size()) step.layer = layers[next++];
    steps.push_back(std::move(step));
  }
  for (; next < layers.size(); ++next) steps.push_back({{}, layers[next]});
  return {steps.rbegin(), steps.rend()};
}

Field whole_layer(const Step& step) {
  if (step.layer.digest.empty()) return {{}, "-"};
  return {step.layer.digest.text()};
}
Field whole_by(const Step& step) {
  return {step.entry.created_by};
}

Result<int> history(const Globals& globals, HistoryOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kRead));
  TRY_ASSIGN(images::Image image, images::find_image(store, arguments[0]));
  std::vector<Column> columns(std::begin(kColumns), std::end(kColumns));
  if (options.no_trunc) {
    columns[0].get = &detail::RowOf<whole_layer>::get;
    columns[2].get = &detail::RowOf<whole_by>::get;
  }
  if (options.quiet) {
    options.output = "layer";
    options.no_heading = true;
  }
  TRY(print(listing(columns, options, steps_of(image))));
  return kExitOk;
}

}  // namespace

constinit const Verb history_verb = {
    .name = "history",
    .arguments = "<image>",
    .summary = "show how an image was made",
    .description = "   Fields: layer, created, created_by, size, comment, author.",
    .options = kOptions,
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kImageNames,
    .run = parse_and_run<HistoryOptions, history>,
};

}  // namespace shoji::cli::op
