#include "images/roots/facts.h"

#include <algorithm>

#include "base/json.h"

namespace shoji::images {
namespace {

void print_strings(JsonWriter& out, std::string_view key, const std::vector<std::string>& texts) {
  out.key(key).begin_array();
  for (const std::string& text : texts) out.value(std::string_view(text));
  out.end_array();
}

Result<std::vector<std::string>> read_strings(Json array) {
  std::vector<std::string> texts;
  if (!array.is_array()) return texts;
  for (Json item = array.first(); item.exists(); item = item.next()) {
    TRY_ASSIGN(std::string_view text, item.as_string());
    texts.emplace_back(text);
  }
  return texts;
}

Result<std::string> read_string(Json object, std::string_view key) {
  Json value = object.find(key);
  if (!value.exists()) return std::string();
  TRY_ASSIGN(std::string_view text, value.as_string());
  return std::string(text);
}

Result<bool> read_bool(Json object, std::string_view key) {
  Json value = object.find(key);
  return value.exists() ? value.as_bool() : Result<bool>(false);
}

Result<uint64_t> read_number(Json object, std::string_view key) {
  Json value = object.find(key);
  return value.exists() ? value.as_uint64() : Result<uint64_t>(0);
}

Result<RootOptions> read_options(Json object) {
  RootOptions options;
  if (!object.is_object()) return options;
  TRY_ASSIGN(options.read_only, read_bool(object, "readOnly"));
  TRY_ASSIGN(options.volatile_upper, read_bool(object, "volatile"));
  TRY_ASSIGN(options.userxattr, read_bool(object, "userxattr"));
  TRY_ASSIGN(options.quota_bytes, read_number(object, "quotaBytes"));
  TRY_ASSIGN(options.quota_inodes, read_number(object, "quotaInodes"));
  TRY_ASSIGN(options.labels, read_string(object, "labels"));
  return options;
}

Result<LayerFormat> read_format(Json object) {
  TRY_ASSIGN(std::string text, read_string(object, "format"));
  for (LayerFormat format : {LayerFormat::kComposed, LayerFormat::kTree})
    if (text == layer_format_name(format)) return format;
  return object.find("format").unexpected("\"composed\" or \"tree\"");
}

Result<> read_image(Json object, Root& root) {
  TRY_ASSIGN(root.image, read_string(object, "image"));
  TRY_ASSIGN(std::string config, read_string(object, "config"));
  TRY_ASSIGN(root.config, Digest::parse(config));
  TRY_ASSIGN(root.format, read_format(object));
  TRY_ASSIGN(std::vector<std::string> diff_ids, read_strings(object.find("diffIds")));
  for (const std::string& text : diff_ids) {
    TRY_ASSIGN(Digest digest, Digest::parse(text));
    root.diff_ids.push_back(std::move(digest));
  }
  return {};
}

Result<> read_snapshots(Json array, Root& root) {
  if (!array.is_array()) return {};
  for (Json item = array.first(); item.exists(); item = item.next()) {
    Snapshot snapshot;
    TRY_ASSIGN(snapshot.name, read_string(item, "name"));
    TRY_ASSIGN(uint64_t created, read_number(item, "created"));
    snapshot.created = static_cast<int64_t>(created);
    TRY_ASSIGN(snapshot.frozen, read_strings(item.find("frozen")));
    root.snapshots.push_back(std::move(snapshot));
  }
  return {};
}

}  // namespace

std::string_view layer_format_name(LayerFormat format) {
  return format == LayerFormat::kComposed ? "composed" : "tree";
}

std::vector<std::string> used_frozen(const Root& root) {
  std::vector<std::string> used = root.frozen;
  for (const Snapshot& snapshot : root.snapshots)
    used.insert(used.end(), snapshot.frozen.begin(), snapshot.frozen.end());
  std::ranges::sort(used);
  auto [first, last] = std::ranges::unique(used);
  used.erase(first, last);
  return used;
}

std::string print_facts(const RootFacts& facts) {
  const Root& root = facts.root;
  JsonWriter out(JsonWriter::Style::kIndented);
  out.begin_object();
  out.member("image", std::string_view(root.image)).member("config", std::string_view(root.config.text()));
  out.member("format", layer_format_name(root.format));
  out.key("diffIds").begin_array();
  for (const Digest& digest : root.diff_ids) out.value(std::string_view(digest.text()));
  out.end_array();
  const RootOptions& options = root.options;
  out.key("options").begin_object();
  out.member("readOnly", options.read_only).member("volatile", options.volatile_upper);
  out.member("userxattr", options.userxattr);
  out.member("quotaBytes", options.quota_bytes).member("quotaInodes", options.quota_inodes);
  out.member("labels", std::string_view(options.labels)).end_object();
  print_strings(out, "frozen", root.frozen);
  out.key("snapshots").begin_array();
  for (const Snapshot& snapshot : root.snapshots) {
    out.begin_object().member("name", std::string_view(snapshot.name)).member("created", snapshot.created);
    print_strings(out, "frozen", snapshot.frozen);
    out.end_object();
  }
  out.end_array();
  print_strings(out, "pending", facts.pending);
  out.member("resetUpper", facts.reset_upper).end_object();
  return out.take() + "\n";
}

Result<RootFacts> parse_facts(std::string text, const std::string& name) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(text), cat("facts of root ", quote(name))));
  RootFacts facts;
  facts.root.name = name;
  Json object = document.root();
  if (!object.is_object()) return object.unexpected("an object");
  TRY(read_image(object, facts.root));
  TRY_ASSIGN(facts.root.options, read_options(object.find("options")));
  TRY_ASSIGN(facts.root.frozen, read_strings(object.find("frozen")));
  TRY(read_snapshots(object.find("snapshots"), facts.root));
  TRY_ASSIGN(facts.pending, read_strings(object.find("pending")));
  TRY_ASSIGN(facts.reset_upper, read_bool(object, "resetUpper"));
  return facts;
}

}  // namespace shoji::images
