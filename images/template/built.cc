#include "images/template/built.h"

#include "base/io.h"
#include "base/json.h"
#include "images/blobs/hash.h"
#include "images/store/durable.h"
#include "images/store/json_fields.h"

namespace shoji::images {

namespace {

constexpr const char* kDirectory = "templates";
constexpr size_t kRecordLimit = 1 << 20;
// Another number when the same inputs come to give something else.
constexpr int kFormat = 1;

void list(JsonWriter& out, std::string_view key, const std::vector<std::string>& texts) {
  out.key(key).begin_array();
  for (const std::string& text : texts) out.value(text);
  out.end_array();
}

std::string base_inputs(const Template& t, const BuildInputs& inputs) {
  JsonWriter out;
  out.begin_object().member("format", kFormat).member("architecture", host_platform().text());
  out.member("suite", inputs.suite).member("variant", t.variant).member("releases", inputs.releases);
  list(out, "sources", inputs.sources);
  list(out, "exclude", t.exclude);
  // Where nothing can be installed later, the packages are the base.
  if (t.variant == "extract") list(out, "packages", t.packages);
  return out.end_object().take();
}

std::string image_inputs(const Template& t, const BuildInputs& inputs) {
  JsonWriter out;
  out.begin_object().member("name", t.name).member("description", t.description);
  list(out, "packages", t.packages);
  out.key("files").begin_array();
  for (size_t i = 0; i < t.files.size(); ++i) {
    const Template::File& file = t.files[i];
    out.begin_object().member("path", file.path).member("link", file.link).member("mode", file.mode);
    out.member("uid", file.uid)
        .member("gid", file.gid)
        .member("content", digest_of(inputs.files[i]).text())
        .end_object();
  }
  out.end_array();
  list(out, "run", t.run);
  list(out, "remove", t.remove);
  return out.key("config").raw(print_image_config(t.config)).end_object().take();
}

Result<std::string> read_record(const Store& store, const Digest& key) {
  return read_file_at(store.dir(), cat(kDirectory, '/', key.file_name()), kRecordLimit);
}

// Held first, then looked for: a sweep in between must not take it.
bool there(const Store& store, Lease& lease, const Digest& digest) {
  return lease.hold(digest) && find_blob(store, digest);
}

Result<BuiltLayer> parse_layer(const std::string& text) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(text, "built layer"));
  BuiltLayer layer;
  TRY_ASSIGN(layer.blob, fields::read_descriptor(document.root().find("layer")));
  TRY(fields::read(document.root(), "diffID", layer.diff_id));
  TRY_ASSIGN(layer.epoch, document.root().find("epoch").as_int64());
  return layer;
}

Result<Descriptor> parse_image(const std::string& text) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(text, "built image"));
  return fields::read_descriptor(document.root().find("manifest"));
}

Result<> write_record(const Store& store, const Digest& key, const std::string& text) {
  TRY(make_directories(cat(store.path(), '/', kDirectory), 0755));
  return write_durably(store, cat(kDirectory, '/', key.file_name()), text);
}

}  // namespace

BuildKeys build_keys(const Template& t, const BuildInputs& inputs) {
  const std::string base = base_inputs(t, inputs);
  return {.base = digest_of(base), .image = digest_of(base + image_inputs(t, inputs))};
}

std::optional<BuiltLayer> find_built_layer(const Store& store, Lease& lease, const Digest& key) {
  auto text = read_record(store, key);
  if (!text) return std::nullopt;
  // A record that cannot be read is as good as none: it is built anew.
  auto layer = parse_layer(*text);
  if (!layer || !lease.hold(layer->diff_id) || !there(store, lease, layer->blob.digest)) return std::nullopt;
  return std::move(*layer);
}

std::optional<Descriptor> find_built_image(const Store& store, Lease& lease, const Digest& key) {
  auto text = read_record(store, key);
  if (!text) return std::nullopt;
  auto descriptor = parse_image(*text);
  if (!descriptor || !there(store, lease, descriptor->digest)) return std::nullopt;
  auto manifest = read_blob(store, descriptor->digest, kManifestLimit);
  auto parsed =
      manifest ? parse_manifest(*manifest, descriptor->media_type) : std::unexpected(manifest.error());
  if (!parsed || !std::holds_alternative<Manifest>(*parsed)) return std::nullopt;
  const auto& image = std::get<Manifest>(*parsed);
  if (!there(store, lease, image.config.digest)) return std::nullopt;
  for (const Descriptor& layer : image.layers)
    if (!there(store, lease, layer.digest)) return std::nullopt;
  return std::move(*descriptor);
}

Result<> remember_layer(const Store& store, const Digest& key, const BuiltLayer& layer) {
  JsonWriter out;
  out.begin_object().key("layer");
  fields::print_descriptor(out, layer.blob);
  out.member("diffID", layer.diff_id.text()).member("epoch", layer.epoch).end_object();
  return write_record(store, key, out.take());
}

Result<> remember_image(const Store& store, const Digest& key, const Descriptor& manifest) {
  JsonWriter out;
  out.begin_object().key("manifest");
  fields::print_descriptor(out, manifest);
  out.end_object();
  return write_record(store, key, out.take());
}

}  // namespace shoji::images
