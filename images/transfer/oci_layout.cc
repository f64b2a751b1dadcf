#include "images/transfer/oci_layout.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/io.h"
#include "images/transfer/jobs.h"
#include "images/transfer/shared_progress.h"
#include "images/transfer/streams.h"

namespace shoji::images {
namespace {

constexpr int kDepth = 5;  // indexes in indexes

std::string blob_path(const Digest& digest) {
  return cat("blobs/", algorithm_name(digest.algorithm()), "/", digest.hex());
}

Result<UniqueFd> open_blob(int layout, const Digest& digest) {
  TRY_ASSIGN(UniqueFd file, open_at(layout, blob_path(digest), O_RDONLY | O_NONBLOCK));
  struct stat status{};
  if (fstat(file.get(), &status) != 0)
    return fail_errno(errno, cat("read the state of ", quote(blob_path(digest))));
  if (!S_ISREG(status.st_mode)) return fail(Kind::kInvalid, cat(quote(blob_path(digest)), " is no file"));
  return file;
}

Result<> copy_blob(const Store& store, int layout, const Descriptor& blob, const Stop& stop,
                   LayerMeter* meter) {
  if (find_blob(store, blob.digest)) return {};
  TRY_ASSIGN(UniqueFd file, open_blob(layout, blob.digest));
  TRY_ASSIGN(BlobWriter writer, BlobWriter::open(store, blob.digest, blob.size));
  if (writer.already()) return {};
  if (writer.offset() > 0) TRY(writer.restart());
  FdSource bytes(file.get(), blob_path(blob.digest));
  auto buffer = std::make_unique<char[]>(kPiece);
  for (;;) {
    if (stop) return std::unexpected(stopped_error());
    TRY_ASSIGN(size_t size, bytes.read({buffer.get(), kPiece}));
    if (size == 0) break;
    TRY(writer.write({buffer.get(), size}));
    if (meter != nullptr) meter->add(size);
  }
  return writer.commit();
}

// Copies manifests and indexes while it finds them, and collects the blobs that they lead to.
class LayoutWalker {
 public:
  LayoutWalker(const Store& store, Lease& lease, int layout)
      : store_(&store), lease_(&lease), layout_(layout) {}

  Result<> visit(const Descriptor& target, int depth) {
    if (!seen_.insert(target.digest).second) return {};
    if (depth == kDepth) return fail(Kind::kInvalid, cat("indexes are nested more than ", kDepth, " deep"));
    if (target.size > kManifestLimit)
      return fail(Kind::kInvalid, cat("manifest ", target.digest.text(), " is too large"));
    TRY(lease_->hold(target.digest));
    Stop stop = false;
    TRY(copy_blob(*store_, layout_, target, stop, nullptr));
    TRY_ASSIGN(std::string text, read_blob(*store_, target.digest, kManifestLimit));
    TRY_ASSIGN(AnyManifest any, parse_manifest(text, target.media_type));
    if (const auto* index = std::get_if<Index>(&any)) return visit_index(*index, depth);
    const auto& manifest = std::get<Manifest>(any);
    TRY(add(manifest.config));
    for (const Descriptor& layer : manifest.layers) TRY(add(layer));
    return {};
  }
  [[nodiscard]] const std::vector<Descriptor>& blobs() const { return blobs_; }

 private:
  // A layout may hold some of the platforms only.
  Result<> visit_index(const Index& index, int depth) {
    for (const Descriptor& entry : index.manifests) {
      if (!find_blob(*store_, entry.digest) && !open_blob(layout_, entry.digest)) continue;
      TRY(visit(entry, depth + 1));
    }
    return {};
  }

  Result<> add(const Descriptor& blob) {
    if (!seen_.insert(blob.digest).second) return {};
    TRY(lease_->hold(blob.digest));
    blobs_.push_back(blob);
    return {};
  }

  const Store* store_;
  Lease* lease_;
  int layout_;
  std::set<Digest> seen_;
  std::vector<Descriptor> blobs_;
};

}  // namespace

Result<std::vector<ArchivedImage>> layout_images(std::string_view index_json) {
  TRY_ASSIGN(AnyManifest any, parse_manifest(index_json, media_type::kOciIndex));
  const auto* index = std::get_if<Index>(&any);
  if (index == nullptr) return fail(Kind::kInvalid, "index.json is no image index");
  std::vector<ArchivedImage> images;
  for (const Descriptor& entry : index->manifests) {
    // One image with several names is several entries of the same digest.
    auto same = std::ranges::find_if(
        images, [&](const ArchivedImage& image) { return image.target.digest == entry.digest; });
    ArchivedImage& image = same != images.end() ? *same : images.emplace_back();
    image.target = entry;
    image.target.annotations.clear();
    // containerd and docker write the whole name to the first of them, and only the tag to the second, which is the
    // whole name for podman.
    for (const char* key : {"io.containerd.image.name", "org.opencontainers.image.ref.name"}) {
      auto name = entry.annotations.find(key);
      if (name == entry.annotations.end() || name->second.empty()) continue;
      if (std::ranges::find(image.names, name->second) == image.names.end())
        image.names.push_back(name->second);
      break;
    }
  }
  return images;
}

Result<> copy_layout(const Store& store, Lease& lease, const std::string& directory,
                     const std::vector<ArchivedImage>& images, Progress& progress) {
  TRY_ASSIGN(UniqueFd layout, open_file(directory, O_RDONLY | O_DIRECTORY));
  LayoutWalker walker(store, lease, layout.get());
  for (const ArchivedImage& image : images) TRY(walker.visit(image.target, 0));
  SharedProgress shared(progress);
  Stop stop = false;
  const std::vector<Descriptor>& blobs = walker.blobs();
  return run_jobs(blobs.size(), std::max(store.config().parallel_layers, 1U), stop, [&](size_t i) {
    LayerMeter meter(shared, blobs[i].digest, TransferStage::kDownloading, blobs[i].size);
    return copy_blob(store, layout.get(), blobs[i], stop, &meter);
  });
}

}  // namespace shoji::images
