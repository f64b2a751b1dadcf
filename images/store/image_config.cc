// The configuration of an image (config.md).
#include "images/store/json_fields.h"
#include "images/store/manifest.h"

namespace shoji::images {

namespace {

Result<> read_execution(Json config, ImageConfig& out) {
  if (!config.exists()) return {};
  if (!config.is_object()) return config.unexpected("an object");
  TRY(fields::read(config, "User", out.user));
  TRY(fields::read_set(config, "ExposedPorts", out.exposed_ports));
  TRY(fields::read(config, "Env", out.env));
  TRY(fields::read(config, "Entrypoint", out.entrypoint));
  TRY(fields::read(config, "Cmd", out.cmd));
  TRY(fields::read_set(config, "Volumes", out.volumes));
  TRY(fields::read(config, "WorkingDir", out.working_dir));
  TRY(fields::read(config, "StopSignal", out.stop_signal));
  return fields::read(config, "Labels", out.labels);
}

Result<> read_rootfs(Json rootfs, std::vector<Digest>& out) {
  if (!rootfs.exists()) return {};
  if (!rootfs.is_object()) return rootfs.unexpected("an object");
  std::string type = "layers";
  TRY(fields::read(rootfs, "type", type));
  if (type != "layers")
    return fail(Kind::kUnsupported, cat("/rootfs/type: ", quote(type), " is not \"layers\""));
  Json list = fields::optional(rootfs, "diff_ids");
  if (!list.exists()) return {};
  if (!list.is_array()) return list.unexpected("an array of digests");
  for (Json member = list.first(); member.exists(); member = member.next()) {
    TRY_ASSIGN(std::string_view text, member.as_string());
    auto digest = Digest::parse(text);
    if (!digest) return Failure(within(member.pointer(), digest.error()));
    out.push_back(std::move(*digest));
  }
  return {};
}

Result<> read_history(Json list, std::vector<HistoryEntry>& out) {
  if (!list.exists()) return {};
  if (!list.is_array()) return list.unexpected("an array");
  for (Json member = list.first(); member.exists(); member = member.next()) {
    if (!member.is_object()) return member.unexpected("an object");
    HistoryEntry& entry = out.emplace_back();
    TRY(fields::read(member, "created", entry.created));
    TRY(fields::read(member, "created_by", entry.created_by));
    TRY(fields::read(member, "author", entry.author));
    TRY(fields::read(member, "comment", entry.comment));
    TRY(fields::read(member, "empty_layer", entry.empty_layer));
  }
  return {};
}

void print_set(JsonWriter& out, std::string_view key, const std::vector<std::string>& names) {
  if (names.empty()) return;
  out.key(key).begin_object();
  for (const std::string& name : names) out.key(name).begin_object().end_object();
  out.end_object();
}

void print_execution(JsonWriter& out, const ImageConfig& config) {
  out.key("config").begin_object();
  fields::print(out, "User", config.user);
  print_set(out, "ExposedPorts", config.exposed_ports);
  fields::print(out, "Env", config.env);
  fields::print(out, "Entrypoint", config.entrypoint);
  fields::print(out, "Cmd", config.cmd);
  print_set(out, "Volumes", config.volumes);
  fields::print(out, "WorkingDir", config.working_dir);
  fields::print(out, "StopSignal", config.stop_signal);
  fields::print(out, "Labels", config.labels);
  out.end_object();
}

void print_history(JsonWriter& out, const std::vector<HistoryEntry>& history) {
  if (history.empty()) return;
  out.key("history").begin_array();
  for (const HistoryEntry& entry : history) {
    out.begin_object();
    fields::print(out, "created", entry.created);
    fields::print(out, "created_by", entry.created_by);
    fields::print(out, "author", entry.author);
    fields::print(out, "comment", entry.comment);
    if (entry.empty_layer) out.member("empty_layer", true);
    out.end_object();
  }
  out.end_array();
}

Result<ImageConfig> read_config(std::string_view text) {
  TRY_ASSIGN(auto document, JsonDocument::parse(std::string(text), "the document"));
  Json root = document.root();
  if (!root.is_object()) return root.unexpected("an object");
  ImageConfig out;
  out.platform.os = "";  // an artifact's configuration need not name a platform
  TRY(fields::read(root, "created", out.created));
  TRY(fields::read(root, "author", out.author));
  TRY(fields::read(root, "os", out.platform.os));
  TRY(fields::read(root, "architecture", out.platform.architecture));
  TRY(fields::read(root, "variant", out.platform.variant));
  TRY(read_execution(fields::optional(root, "config"), out));
  TRY(read_rootfs(fields::optional(root, "rootfs"), out.diff_ids));
  TRY(read_history(fields::optional(root, "history"), out.history));
  return out;
}

}  // namespace

Result<ImageConfig> parse_image_config(std::string_view text) {
  if (text.size() > kConfigLimit)
    return fail(Kind::kInvalid, cat("image configuration: longer than ", kConfigLimit, " bytes"));
  auto config = read_config(text);
  if (!config) return Failure(within("image configuration", std::move(config).error()));
  return config;
}

std::string print_image_config(const ImageConfig& config) {
  JsonWriter out;
  out.begin_object();
  fields::print(out, "created", config.created);
  fields::print(out, "author", config.author);
  out.member("architecture", config.platform.architecture);
  out.member("os", config.platform.os);
  fields::print(out, "variant", config.platform.variant);
  print_execution(out, config);
  out.key("rootfs").begin_object();
  out.member("type", "layers");
  out.key("diff_ids").begin_array();
  for (const Digest& diff_id : config.diff_ids) out.value(diff_id.text());
  out.end_array();
  out.end_object();
  print_history(out, config.history);
  out.end_object();
  return out.take();
}

}  // namespace shoji::images
