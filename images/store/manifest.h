#pragma once
// Manifests, indexes and configurations of images: OCI image-spec 1.1 and docker's schema 2, as structs.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "images/store/digest.h"

namespace shoji::images {

inline constexpr size_t kManifestLimit = 4 << 20;  // bytes; what registries accept
inline constexpr size_t kConfigLimit = 16 << 20;

namespace media_type {
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kOciLayer = "application/vnd.oci.image.layer.v1.tar";  // +gzip, +zstd
inline constexpr std::string_view kDockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
}  // namespace media_type

using Annotations = std::map<std::string, std::string>;

struct Platform {
  std::string os = "linux";
  std::string architecture;                // GOARCH: amd64, arm64, ...
  std::string variant;                     // v8, v7
  [[nodiscard]] std::string text() const;  // "linux/arm64/v8"
  bool operator==(const Platform&) const = default;
};
Platform host_platform();
Result<Platform> parse_platform(std::string_view text);  // "linux/arm64/v8", "arm64"

struct Descriptor {
  std::string media_type;
  Digest digest;
  uint64_t size = 0;
  Platform platform{.os = "", .architecture = "", .variant = ""};  // of the entries of an index
  Annotations annotations;
};

struct Manifest {
  std::string media_type;
  std::string artifact_type;
  Descriptor config;
  std::vector<Descriptor> layers;
  Annotations annotations;
};

struct Index {
  std::string media_type;
  std::vector<Descriptor> manifests;
  Annotations annotations;
};

using AnyManifest = std::variant<Manifest, Index>;

// Schema 1 and unknown media types are kUnsupported. `media_type`: what the registry said, may be empty.
Result<AnyManifest> parse_manifest(std::string_view text, std::string_view media_type);
std::string print_manifest(const Manifest& manifest);
std::string print_index(const Index& index);

// The entry that fits `wanted` best, or a sentence that lists what there is.
Result<Descriptor> select_platform(const Index& index, const Platform& wanted);

enum class Compression : uint8_t { kNone, kGzip, kZstd };
// kUnsupported: encrypted or foreign layers.
Result<Compression> layer_compression(std::string_view media_type);

struct HistoryEntry {
  std::string created, created_by, author, comment;
  bool empty_layer = false;
};

struct ImageConfig {
  std::string created;  // RFC 3339
  std::string author;
  Platform platform;
  std::string user;
  std::vector<std::string> exposed_ports;  // "80/tcp"
  std::vector<std::string> env, entrypoint, cmd, volumes;
  std::string working_dir, stop_signal;
  Annotations labels;
  std::vector<Digest> diff_ids;  // of the layers, lowest first
  std::vector<HistoryEntry> history;
};

Result<ImageConfig> parse_image_config(std::string_view text);
std::string print_image_config(const ImageConfig& config);

}  // namespace shoji::images
