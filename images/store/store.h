#pragma once
// The store: an OCI image layout (image-layout.md) on disk, the names of images, and what is derived from the blobs.
//
//   oci-layout, index.json          so that other tools can read it
//   blobs/ALGORITHM/HEX             verified; written as a temporary file, fsync(2), rename(2)
//   names/ESCAPED-REFERENCE         one descriptor each; index.json is derived from them
//   layers/ALGORITHM-HEX/           a layer unpacked, by its diffID: `index` + objects (composed) or `tree/`
//   objects/XX/HEX                  contents of files, by their sha256: shared by all composed layers
//   composed/ALGORITHM-HEX          erofs metadata of the whole stack of an image, by the digest of its configuration
//   unify/                          what equal files of trees have in common (images/unify)
//   roots/NAME/                     writable roots (images/roots)
//   partial/, tmp/ (images/store/scratch.h), leases/, sweep.lock, version
//
// Nothing is ever modified in place. Every directory entry appears by a rename, so a verb that is killed leaves only
// files in partial/ (resumed by the next pull) and tmp/ (swept).
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "images/store/config.h"
#include "images/store/manifest.h"
#include "images/store/reference.h"

namespace shoji::images {

class Store {
 public:
  // Opens, and for kWrite makes, the store of `config`. A store written by a newer version is kUnsupported. kRead
  // never writes, so that a store on a read-only filesystem works. What is made from a store (writers, leases, scratch)
  // keeps a pointer to it: it stays where it is meanwhile.
  enum class Access : uint8_t { kRead, kWrite };
  static Result<Store> open(const ImagesConfig& config, Access access);

  [[nodiscard]] const ImagesConfig& config() const { return config_; }
  [[nodiscard]] const std::string& path() const { return config_.store; }
  [[nodiscard]] int dir() const { return dir_.get(); }  // the store's root directory
  // This store and the shared ones, in the order of lookup.
  [[nodiscard]] const std::vector<std::string>& paths() const { return paths_; }

 private:
  ImagesConfig config_;
  UniqueFd dir_;
  std::vector<std::string> paths_;
};

// --- blobs (reading; images/blobs writes) -------------------------------------------------------------------
// The path of a blob, or kNotFound. Looks into shared stores too. It was verified when it was written, and is not again.
Result<std::string> find_blob(const Store& store, const Digest& digest);
Result<std::string> read_blob(const Store& store, const Digest& digest, size_t limit);

// --- names and images ---------------------------------------------------------------------------------------
struct NamedImage {
  Reference name;
  Descriptor target;    // a manifest, or an index
  std::string source;   // where it came from: "docker://...", "load", "build"; for people
  int64_t created = 0;  // seconds since the epoch: when the name was set
};
Result<std::vector<NamedImage>> list_names(const Store& store);
// Replaces an earlier target. The blobs that the target needs are there already: the target itself is looked for. A name
// without a registry becomes localhost/NAME. `created` 0: now.
Result<> set_name(const Store& store, const NamedImage& image);
Result<> remove_name(const Store& store, const Reference& name);

struct Image {
  std::vector<Reference> names;  // of list_images every name of it; of find_image the one that was found
  Descriptor target;             // what the name points at
  Descriptor manifest_descriptor;
  Manifest manifest;
  ImageConfig config;
  [[nodiscard]] const Digest& id() const { return manifest.config.digest; }
};
// By name (full, short: "localhost/", then aliases and search registries), digest, or unambiguous id prefix of at
// least 4 digits. Of an index, the entry for `platform`.
Result<Image> find_image(const Store& store, std::string_view text,
                         const Platform& platform = host_platform());
Result<std::vector<Image>> list_images(const Store& store);

// The full names that a short name may stand for, best first; one that is not short stands for itself. kNotFound
// with a sentence when the configuration has no answer.
Result<std::vector<Reference>> resolve_short_name(const ImagesConfig& config, const Reference& reference);

// --- leases and sweeping --------------------------------------------------------------------------------------
// What a running verb is about to need is not swept, nor what that reaches: of a manifest its blobs, of a configuration
// its unpacked layers. A lease dies with its process (flock(2)). Things that are there already may be swept until hold()
// has returned: hold first, then look.
class Lease {
 public:
  static Result<Lease> take(const Store& store, std::string_view purpose);
  // Before looking whether it is there. Blobs, diffIDs and chainIDs alike.
  Result<> hold(const Digest& digest);
  ~Lease();
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;

 private:
  struct State;
  explicit Lease(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct SweepOptions {
  bool all = false;  // also images that no root uses, named or not; else only what no name reaches
  bool dry_run = false;
};
struct Swept {
  std::vector<std::string> names;                              // of removed images
  uint64_t blobs = 0, layers = 0, objects = 0, temporary = 0;  // how many
  uint64_t bytes = 0;                                          // freed on disk
};
// Mark and sweep: what names, roots (roots/*/facts.json) and living leases reach stays.
Result<Swept> sweep(const Store& store, const SweepOptions& options);

// --- unpacked layers ------------------------------------------------------------------------------------------
enum class LayerFormat : uint8_t { kComposed, kTree };
// What this host and store can mount: config.format, else by a probe of the kernel that is cached under /run.
Result<LayerFormat> layer_format(const Store& store);
// "layers/sha256-..." below one of the store's paths, absolute; kNotFound when it is not unpacked in that format.
Result<std::string> find_layer(const Store& store, const Digest& diff_id, LayerFormat format);

}  // namespace shoji::images
