#include "images/store/manifest.h"

#include "images/store/json_fields.h"

namespace shoji::images {

namespace {

enum class DocumentKind : uint8_t { kUnknown, kManifest, kIndex, kSchema1 };
struct TypeRow {
  std::string_view media_type;
  DocumentKind kind;
};
constexpr TypeRow kTypes[] = {
    {media_type::kOciManifest, DocumentKind::kManifest},
    {media_type::kDockerManifest, DocumentKind::kManifest},
    {media_type::kOciIndex, DocumentKind::kIndex},
    {media_type::kDockerList, DocumentKind::kIndex},
    {"application/vnd.docker.distribution.manifest.v1+json", DocumentKind::kSchema1},
    {"application/vnd.docker.distribution.manifest.v1+prettyjws", DocumentKind::kSchema1},
};
// What servers say that serve files without knowing what they are.
constexpr std::string_view kSaysNothing[] = {"", "application/json", "text/plain",
                                             "application/octet-stream"};

Result<DocumentKind> kind_of(std::string_view media_type) {
  // "application/json; charset=utf-8": parameters say nothing about the kind (RFC 9110 8.3.1).
  media_type = media_type.substr(0, media_type.find_first_of("; "));
  for (std::string_view nothing : kSaysNothing)
    if (media_type == nothing) return DocumentKind::kUnknown;
  for (const TypeRow& row : kTypes)
    if (row.media_type == media_type) return row.kind;
  return fail(Kind::kUnsupported,
              cat("media type ", quote(media_type), " is neither a manifest nor an index"));
}

Failure refuse_schema1() {
  return fail(Kind::kUnsupported,
              "a manifest of docker's schema 1, which nothing has written since 2017: push the image again");
}

// A document that can be read as both kinds would mean one thing to who verified it and another to who runs it
// (CVE-2021-41190), so that its members must be of one kind, and fit what it and the server say.
Result<DocumentKind> document_kind(Json root, std::string_view said_by_server) {
  bool like_index = fields::optional(root, "manifests").exists();
  bool like_manifest = fields::optional(root, "layers").exists() || fields::optional(root, "config").exists();
  if (like_index && like_manifest)
    return fail(Kind::kInvalid, "the document has the members of both a manifest and an index");
  std::string said_by_itself;
  TRY(fields::read(root, "mediaType", said_by_itself));
  TRY_ASSIGN(DocumentKind server, kind_of(said_by_server));
  TRY_ASSIGN(DocumentKind itself, kind_of(said_by_itself));
  DocumentKind kind = itself != DocumentKind::kUnknown ? itself : server;
  if (server != DocumentKind::kUnknown && server != kind)
    return fail(Kind::kInvalid, cat("the document is a ", quote(said_by_itself), " and was announced as ",
                                    quote(said_by_server)));
  if (kind == DocumentKind::kUnknown)
    kind = like_index ? DocumentKind::kIndex : like_manifest ? DocumentKind::kManifest : kind;
  if (kind == DocumentKind::kUnknown)
    return fail(Kind::kInvalid, "the document is neither a manifest nor an index");
  if ((kind == DocumentKind::kIndex && like_manifest) || (kind == DocumentKind::kManifest && like_index))
    return fail(Kind::kInvalid, "the document's members do not fit its media type");
  return kind;
}

Result<> read_descriptors(Json root, std::string_view key, std::vector<Descriptor>& out) {
  Json list = fields::optional(root, key);
  if (!list.exists()) return {};
  if (!list.is_array()) return list.unexpected("an array of descriptors");
  for (Json member = list.first(); member.exists(); member = member.next()) {
    TRY_ASSIGN(Descriptor descriptor, fields::read_descriptor(member));
    out.push_back(std::move(descriptor));
  }
  return {};
}

std::string own_type(Json root, std::string_view said_by_server, std::string_view otherwise) {
  Json type = root.find("mediaType");
  if (type.is_string() && !type.as_string()->empty()) return std::string(*type.as_string());
  auto server = kind_of(said_by_server);
  if (!server || *server == DocumentKind::kUnknown) return std::string(otherwise);
  return std::string(said_by_server.substr(0, said_by_server.find_first_of("; ")));
}

Result<AnyManifest> read_manifest(Json root, std::string_view said_by_server) {
  Manifest out;
  out.media_type = own_type(root, said_by_server, media_type::kOciManifest);
  TRY(fields::read(root, "artifactType", out.artifact_type));
  auto config = fields::read_descriptor(root.find("config"));
  if (!root.find("config").exists()) return fail(Kind::kInvalid, "/config is missing");
  if (!config) return Failure(config.error());
  out.config = std::move(*config);
  TRY(read_descriptors(root, "layers", out.layers));
  TRY(fields::read(root, "annotations", out.annotations));
  return out;
}

Result<AnyManifest> read_index(Json root, std::string_view said_by_server) {
  Index out;
  out.media_type = own_type(root, said_by_server, media_type::kOciIndex);
  TRY(read_descriptors(root, "manifests", out.manifests));
  TRY(fields::read(root, "annotations", out.annotations));
  return out;
}

}  // namespace

Result<AnyManifest> parse_manifest(std::string_view text, std::string_view media_type) {
  if (text.size() > kManifestLimit)
    return fail(Kind::kInvalid, cat("manifest: longer than ", kManifestLimit, " bytes"));
  auto read = [&]() -> Result<AnyManifest> {
    TRY_ASSIGN(auto document, JsonDocument::parse(std::string(text), "the document"));
    Json root = document.root();
    if (!root.is_object()) return root.unexpected("an object");
    auto announced = kind_of(media_type);
    if (announced && *announced == DocumentKind::kSchema1) return refuse_schema1();
    uint64_t version = 2;  // image-spec requires it; some writers leave it out
    TRY(fields::read(root, "schemaVersion", version));
    if (version == 1) return refuse_schema1();
    if (version != 2) return fail(Kind::kUnsupported, cat("schemaVersion ", version, " is not 2"));
    TRY_ASSIGN(DocumentKind kind, document_kind(root, media_type));
    if (kind == DocumentKind::kSchema1) return refuse_schema1();
    return kind == DocumentKind::kIndex ? read_index(root, media_type) : read_manifest(root, media_type);
  };
  auto result = read();
  if (!result) return Failure(within("manifest", std::move(result).error()));
  return result;
}

std::string print_manifest(const Manifest& manifest) {
  JsonWriter out;
  out.begin_object();
  out.member("schemaVersion", 2);
  out.member("mediaType", manifest.media_type.empty() ? media_type::kOciManifest : manifest.media_type);
  fields::print(out, "artifactType", manifest.artifact_type);
  out.key("config");
  fields::print_descriptor(out, manifest.config);
  out.key("layers").begin_array();
  for (const Descriptor& layer : manifest.layers) fields::print_descriptor(out, layer);
  out.end_array();
  fields::print(out, "annotations", manifest.annotations);
  out.end_object();
  return out.take();
}

std::string print_index(const Index& index) {
  JsonWriter out;
  out.begin_object();
  out.member("schemaVersion", 2);
  out.member("mediaType", index.media_type.empty() ? media_type::kOciIndex : index.media_type);
  out.key("manifests").begin_array();
  for (const Descriptor& manifest : index.manifests) fields::print_descriptor(out, manifest);
  out.end_array();
  fields::print(out, "annotations", index.annotations);
  out.end_object();
  return out.take();
}

Result<Compression> layer_compression(std::string_view media_type) {
  struct Row {
    std::string_view media_type;
    Compression compression;
  };
  static constexpr Row kRows[] = {
      {media_type::kOciLayer, Compression::kNone},
      {"application/vnd.oci.image.layer.v1.tar+gzip", Compression::kGzip},
      {"application/vnd.oci.image.layer.v1.tar+zstd", Compression::kZstd},
      {media_type::kDockerLayerGzip, Compression::kGzip},
      {"application/vnd.docker.image.rootfs.diff.tar", Compression::kNone},
      {"application/vnd.docker.image.rootfs.diff.tar.zstd", Compression::kZstd},
  };
  for (const Row& row : kRows)
    if (row.media_type == media_type) return row.compression;
  if (media_type.ends_with("+encrypted"))
    return fail(Kind::kUnsupported, cat("layer of type ", quote(media_type), " is encrypted"));
  if (media_type.find("nondistributable") != std::string_view::npos ||
      media_type.find(".foreign.") != std::string_view::npos)
    return fail(Kind::kUnsupported,
                cat("layer of type ", quote(media_type), " is not distributed by registries"));
  return fail(Kind::kUnsupported, cat("layer of type ", quote(media_type), " is not a tar archive"));
}

}  // namespace shoji::images
