#include "images/transfer/save_oci.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <map>

#include "base/io.h"
#include "images/tar/tar_writer.h"
#include "images/transfer/closure.h"
#include "images/transfer/streams.h"

namespace shoji::images {
namespace {

constexpr std::string_view kLayoutText = R"({"imageLayoutVersion":"1.0.0"})";

struct Layout {
  std::map<std::string, Descriptor> blobs;  // by their path: the order of the archive
  std::string index;
};

std::string blob_path(const Digest& digest) {
  return cat("blobs/", algorithm_name(digest.algorithm()), "/", digest.hex());
}

Result<Layout> plan_layout(const Store& store, const std::vector<SavedImage>& images) {
  Layout layout;
  Index index;
  index.media_type = media_type::kOciIndex;
  for (const SavedImage& saved : images) {
    Descriptor target;
    TRY_ASSIGN(Closure closure, closure_to_export(store, saved.image, target));
    for (const Descriptor& blob : closure.blobs) layout.blobs[blob_path(blob.digest)] = blob;
    for (const Descriptor& manifest : closure.manifests) layout.blobs[blob_path(manifest.digest)] = manifest;
    target.annotations.clear();
    target.platform = {.os = "", .architecture = "", .variant = ""};
    if (!saved.name.registry.empty() && !saved.name.tag.empty()) {
      // What containerd and docker look for, and what podman and skopeo do.
      std::string name = cat(saved.name.name(), ":", saved.name.tag);
      target.annotations["io.containerd.image.name"] = name;
      target.annotations["org.opencontainers.image.ref.name"] = name;
    }
    index.manifests.push_back(std::move(target));
  }
  layout.index = print_index(index);
  return layout;
}

TarEntry member(std::string path, EntryType type, uint64_t size) {
  TarEntry entry;
  entry.path = std::move(path);
  entry.type = type;
  entry.mode = type == EntryType::kDirectory ? 0755 : 0444;
  entry.size = size;
  return entry;
}

Result<> add_text(TarWriter& tar, std::string path, std::string_view text) {
  TRY(tar.header(member(std::move(path), EntryType::kFile, text.size())));
  return tar.data(text);
}

// What a TarWriter takes as the content of a file.
class MemberSink final : public ByteSink {
 public:
  explicit MemberSink(TarWriter& tar) : tar_(&tar) {}
  Result<> write(std::span<const char> bytes) override { return tar_->data(bytes); }
  Result<> finish() override { return {}; }

 private:
  TarWriter* tar_;
};

// Bytes are hashed on their way out: a blob that is broken here is not handed on.
Result<> copy_blob(const Store& store, const Descriptor& blob, ByteSink& to, Progress& progress) {
  TRY_ASSIGN(std::string path, find_blob(store, blob.digest));
  TRY_ASSIGN(UniqueFd file, open_file(path, O_RDONLY));
  progress.layer(blob.digest, TransferStage::kUploading, 0, blob.size);
  FilePrefix bytes(file.get(), blob.size, path);
  HashingSink hashing(to, blob.digest.algorithm());
  TRY(pour(bytes, hashing));
  if (Digest real = hashing.digest(); real != blob.digest) {
    return fail(Kind::kInvalid, cat("blob ", blob.digest.text(), " is broken: its bytes are ", real.text()));
  }
  progress.layer(blob.digest, TransferStage::kDone, blob.size, blob.size);
  return {};
}

Result<> write_file(int directory, const std::string& path, const std::function<Result<>(ByteSink&)>& fill) {
  TRY_ASSIGN(UniqueFd file, open_at(directory, path, O_WRONLY | O_CREAT | O_EXCL, 0644));
  FdSink out(file.get(), path);
  return fill(out);
}

Result<> write_layout(const Store& store, const Layout& layout, const std::string& path, Progress& progress) {
  TRY(make_directories(path + "/blobs/sha256", 0755));
  TRY_ASSIGN(UniqueFd directory, open_file(path, O_RDONLY | O_DIRECTORY));
  for (const auto& entry : layout.blobs) {
    const std::string& name = entry.first;
    const Descriptor& blob = entry.second;
    TRY(make_directories(cat(path, "/", name.substr(0, name.rfind('/'))), 0755));
    TRY(write_file(directory.get(), name,
                   [&](ByteSink& out) { return copy_blob(store, blob, out, progress); }));
  }
  TRY(write_file(directory.get(), "oci-layout", [](ByteSink& out) { return out.write(kLayoutText); }));
  return write_file(directory.get(), "index.json", [&](ByteSink& out) { return out.write(layout.index); });
}

}  // namespace

Result<> save_oci_archive(const Store& store, const std::vector<SavedImage>& images, ByteSink& out,
                          Progress& progress) {
  TRY_ASSIGN(Layout layout, plan_layout(store, images));
  TarWriter tar(out);
  TRY(add_text(tar, "oci-layout", kLayoutText));
  TRY(add_text(tar, "index.json", layout.index));
  std::string directory;
  MemberSink content(tar);
  for (const auto& [path, blob] : layout.blobs) {
    std::string parent = path.substr(0, path.rfind('/') + 1);
    if (directory.empty()) TRY(tar.header(member("blobs/", EntryType::kDirectory, 0)));
    if (parent != directory) TRY(tar.header(member(parent, EntryType::kDirectory, 0)));
    directory = parent;
    TRY(tar.header(member(path, EntryType::kFile, blob.size)));
    TRY(copy_blob(store, blob, content, progress));
  }
  TRY(tar.finish());
  return out.finish();
}

Result<> save_oci_directory(const Store& store, const std::vector<SavedImage>& images,
                            const std::string& path, Progress& progress) {
  TRY_ASSIGN(Layout layout, plan_layout(store, images));
  bool existed = rmdir(path.c_str()) == 0;  // fails for anything but an empty directory
  if (mkdir(path.c_str(), 0755) != 0) return fail_errno(errno, cat("make directory ", quote(path)));
  Result<> written = write_layout(store, layout, path, progress);
  if (!written) ignore(remove_tree(path), "the first error is told");
  if (!written && existed) mkdir(path.c_str(), 0755);
  return written;
}

}  // namespace shoji::images
