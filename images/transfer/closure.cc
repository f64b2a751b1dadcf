#include "images/transfer/closure.h"

#include <set>

namespace shoji::images {
namespace {

constexpr int kDepth = 5;  // indexes in indexes

class Walker {
 public:
  explicit Walker(const Store& store) : store_(&store) {}

  Result<> visit(const Descriptor& target, int depth) {
    if (!seen_.insert(target.digest).second) return {};
    if (depth == kDepth) return fail(Kind::kInvalid, cat("indexes are nested more than ", kDepth, " deep"));
    TRY_ASSIGN(std::string text, read_blob(*store_, target.digest, kManifestLimit));
    TRY_ASSIGN(AnyManifest any, parse_manifest(text, target.media_type));
    if (const auto* index = std::get_if<Index>(&any)) {
      for (const Descriptor& entry : index->manifests) TRY(visit(entry, depth + 1));
    } else {
      const auto& manifest = std::get<Manifest>(any);
      TRY(blob(manifest.config));
      for (const Descriptor& layer : manifest.layers) TRY(blob(layer));
    }
    closure_.manifests.push_back(target);
    return {};
  }
  Closure take() { return std::move(closure_); }

 private:
  Result<> blob(const Descriptor& descriptor) {
    if (!seen_.insert(descriptor.digest).second) return {};
    TRY(find_blob(*store_, descriptor.digest));
    closure_.blobs.push_back(descriptor);
    return {};
  }

  const Store* store_;
  Closure closure_;
  std::set<Digest> seen_;
};

}  // namespace

Result<Closure> closure_of(const Store& store, const Descriptor& target) {
  Walker walker(store);
  TRY(walker.visit(target, 0));
  return walker.take();
}

Result<Closure> closure_to_export(const Store& store, const Image& image, Descriptor& target) {
  target = image.target;
  Result<Closure> all = closure_of(store, target);
  if (all || all.error().kind != Kind::kNotFound || target.digest == image.manifest_descriptor.digest)
    return all;
  target = image.manifest_descriptor;
  return closure_of(store, target);
}

}  // namespace shoji::images
