#include "base/io.h"
#include "base/json.h"
#include "cli/operator/image_row.h"
#include "cli/operator/open_store.h"
#include "cli/operator/verbs.h"

namespace shoji::cli::op {

namespace {

struct Inspected {
  images::Image image;
  std::vector<std::string> names;
  std::string manifest, config;  // as they are stored
};

Field names_of(const Inspected& row) {
  return {row.names};
}
Field id_of(const Inspected& row) {
  return {row.image.id().text()};
}
Field digest_of(const Inspected& row) {
  return {row.image.manifest_descriptor.digest.text()};
}
Field index_of(const Inspected& row) {
  bool index = row.image.target.digest != row.image.manifest_descriptor.digest;
  return index ? Field{row.image.target.digest.text()} : Field{};
}
Field created_of(const Inspected& row) {
  return {row.image.config.created};
}
Field author_of(const Inspected& row) {
  return {row.image.config.author};
}
Field platform_of(const Inspected& row) {
  return {row.image.config.platform.text()};
}
Field size_of(const Inspected& row) {
  return {stored_size(row.image)};
}
Field user_of(const Inspected& row) {
  return {row.image.config.user};
}
Field env_of(const Inspected& row) {
  return {row.image.config.env};
}
Field entrypoint_of(const Inspected& row) {
  return {row.image.config.entrypoint};
}
Field cmd_of(const Inspected& row) {
  return {row.image.config.cmd};
}
Field directory_of(const Inspected& row) {
  return {row.image.config.working_dir};
}
Field ports_of(const Inspected& row) {
  return {row.image.config.exposed_ports};
}
Field volumes_of(const Inspected& row) {
  return {row.image.config.volumes};
}
Field signal_of(const Inspected& row) {
  return {row.image.config.stop_signal};
}
Field labels_of(const Inspected& row) {
  JsonWriter json;
  json.begin_object();
  for (const auto& [key, value] : row.image.config.labels) json.member(key, value);
  return {RawJson{json.end_object().take()}};
}
Field layers_of(const Inspected& row) {
  std::vector<std::string> digests;
  for (const images::Descriptor& layer : row.image.manifest.layers) digests.push_back(layer.digest.text());
  return {std::move(digests)};
}
Field diff_ids_of(const Inspected& row) {
  std::vector<std::string> digests;
  for (const images::Digest& digest : row.image.config.diff_ids) digests.push_back(digest.text());
  return {std::move(digests)};
}
Field manifest_of(const Inspected& row) {
  return {RawJson{row.manifest}};
}
Field config_of(const Inspected& row) {
  return {RawJson{row.config}};
}

constexpr Column kColumns[] = {
    column<names_of>("names", "every name"),
    column<id_of>("id", "digest of the configuration"),
    column<digest_of>("digest", "of the manifest"),
    column<index_of>("index", "digest of the index that it was chosen from"),
    column<created_of>("created", "when it was made"),
    column<author_of>("author", "who made it"),
    column<platform_of>("platform", "what it runs on"),
    column<size_of>("size", "of its blobs in the store"),
    column<user_of>("user", "who its program runs as"),
    column<env_of>("env", "environment"),
    column<entrypoint_of>("entrypoint", "what is run"),
    column<cmd_of>("cmd", "arguments of it, or what is run"),
    column<directory_of>("working_dir", "where it starts"),
    column<ports_of>("ports", "that it listens on"),
    column<volumes_of>("volumes", "directories to keep"),
    column<signal_of>("stop_signal", "that ends it"),
    column<labels_of>("labels", "labels"),
    column<layers_of>("layers", "digests of the layers, lowest first"),
    column<diff_ids_of>("diff_ids", "digests of the uncompressed layers"),
    column<manifest_of>("manifest", "the manifest itself"),
    column<config_of>("config", "the configuration itself"),
};

struct InspectOptions : ListOptions {
  std::string platform;
  InspectOptions() { format = ""; }
  [[nodiscard]] Result<> check(const Arguments& /*arguments*/) {
    if (!platform.empty())
      if (auto parsed = images::parse_platform(platform); !parsed)
        return Failure(within("--platform", parsed.error()));
    // Somebody who names fields wants to read them.
    if (format.empty()) format = output.empty() ? "json" : "table";
    return check_list(kColumns);
  }
};
constexpr auto kOptions = list_options<InspectOptions>(std::array{
    option<&InspectOptions::platform>("platform", 0, "OS/ARCH[/VARIANT], instead of this host's")});

Result<int> inspect(const Globals& globals, InspectOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kRead));
  images::Platform platform = images::host_platform();
  if (!options.platform.empty()) {
    TRY_ASSIGN(platform, images::parse_platform(options.platform));
  }
  TRY_ASSIGN(std::vector<images::NamedImage> named, images::list_names(store));
  std::vector<Inspected> rows;
  for (const std::string& text : arguments) {
    auto found = images::find_image(store, text, platform);
    if (!found) return Failure(within(quote(text), found.error()));
    Inspected row{std::move(*found), {}, {}, {}};
    for (const images::NamedImage& name : named)
      if (name.target.digest == row.image.target.digest) row.names.push_back(name.name.text());
    TRY_ASSIGN(row.manifest,
               images::read_blob(store, row.image.manifest_descriptor.digest, images::kManifestLimit));
    TRY_ASSIGN(row.config, images::read_blob(store, row.image.id(), images::kConfigLimit));
    rows.push_back(std::move(row));
  }
  TRY(print(listing(kColumns, options, rows)));
  return kExitOk;
}

}  // namespace

constinit const Verb inspect_verb = {
    .name = "inspect",
    .arguments = "<image>...",
    .summary = "print what is known of images, as JSON",
    .description =
        "   -o user,env prints those fields as text. Fields: names, id, digest, index, created, author, "
        "platform, size,\n"
        "   user, env, entrypoint, cmd, working_dir, ports, volumes, stop_signal, labels, layers, diff_ids, "
        "manifest,\n"
        "   config.",
    .options = kOptions,
    .min_arguments = 1,
    .candidates = kImageNames,
    .run = parse_and_run<InspectOptions, inspect>,
};

}  // namespace shoji::cli::op
