#pragma once
// From registries and archives into the store, and back.
#include <string>
#include <vector>

#include "images/store/store.h"
#include "images/transfer/progress.h"

namespace shoji::images {

struct PullOptions {
  Platform platform = host_platform();
  bool all_platforms = false;  // every manifest of an index; nothing is unpacked but the host's
  bool unpack = true;
};
// Layers are downloaded, hashed, inflated and unpacked at the same time, several at once; what is there is not moved
// again. The name is set last. Returns the image.
Result<Image> pull(const Store& store, const Reference& name, const PullOptions& options, Progress& progress);

struct PushOptions {
  Reference destination;
  bool force_compression = false;
  Compression compression = Compression::kGzip;  // for layers that are stored uncompressed
  std::string sign_key;                          // PEM private key; empty: not signed
};
Result<Digest> push(const Store& store, std::string_view image, const PushOptions& options,
                    Progress& progress);

// docker-archive, oci-archive (compressed or not) or an OCI layout directory; "-" is standard input. Returns the images.
Result<std::vector<NamedImage>> load(const Store& store, const std::string& path, Progress& progress);
enum class ArchiveFormat : uint8_t { kDocker, kOci, kOciDirectory };
// fd is a pipe or file for the archives; a directory is made at `path` for kOciDirectory.
Result<> save(const Store& store, const std::vector<std::string>& images, ArchiveFormat format,
              const std::string& path, Progress& progress);

struct ImportOptions {
  Reference name;
  ImageConfig config;  // without diffIDs and history
  std::vector<std::string>
      changes;          // of the configuration: "CMD [...]", "ENV A=b", ... as docker import's --change
  std::string message;  // for the history
  Annotations annotations;
};
// A root filesystem, as a tar (compressed or not; "-": standard input) or a directory, becomes an image of one layer.
Result<Image> import_root(const Store& store, const std::string& path, const ImportOptions& options,
                          Progress& progress);
// An image plus what a root has on top of it.
struct CommitOptions {
  Reference name;
  std::string author, message;
  std::vector<std::string> changes;  // "CMD [...]", "ENV A=b", ... as docker commit's --change
};
Result<Image> commit_root(const Store& store, std::string_view root, const CommitOptions& options,
                          Progress& progress);

}  // namespace shoji::images
