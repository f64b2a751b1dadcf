#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"
#include "images/transfer/save_docker.h"
#include "images/transfer/save_oci.h"
#include "images/transfer/streams.h"
#include "images/transfer/transfer.h"

namespace shoji::images {
namespace {

// Which of its names the image was asked for by; empty when it was by a digest.
Result<Reference> asked_name(const Store& store, std::string_view text, const Image& image) {
  Result<Reference> asked = parse_reference(text);
  if (!asked) return Reference();
  std::vector<Reference> candidates{*asked};
  if (asked->is_short()) {
    candidates.front().registry = "localhost";
    Result<std::vector<Reference>> resolved = resolve_short_name(store.config(), *asked);
    if (resolved) candidates.insert(candidates.end(), resolved->begin(), resolved->end());
  }
  for (const Reference& candidate : candidates) {
    for (const Reference& name : image.names) {
      if (name == candidate) return name;
    }
  }
  return Reference();
}

Result<std::vector<SavedImage>> choose_images(const Store& store, const std::vector<std::string>& names,
                                              Lease& lease) {
  std::vector<SavedImage> images;
  for (const std::string& text : names) {
    SavedImage saved;
    TRY_ASSIGN(saved.image, find_image(store, text));
    TRY_ASSIGN(saved.name, asked_name(store, text, saved.image));
    TRY(lease.hold(saved.image.target.digest));
    TRY(lease.hold(saved.image.id()));
    for (const Descriptor& layer : saved.image.manifest.layers) TRY(lease.hold(layer.digest));
    images.push_back(std::move(saved));
  }
  return images;
}

Result<> write_archive(const Store& store, const std::vector<SavedImage>& images, ArchiveFormat format,
                       ByteSink& out, Progress& progress) {
  if (format == ArchiveFormat::kDocker) return save_docker_archive(store, images, out, progress);
  return save_oci_archive(store, images, out, progress);
}

// A file appears when it is complete; pipes and devices are written to as they are.
Result<> save_to_file(const Store& store, const std::vector<SavedImage>& images, ArchiveFormat format,
                      const std::string& path, Progress& progress) {
  struct stat status{};
  bool is_special = stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
  std::string target = is_special ? path : cat(path, ".", getpid(), ".partial");
  TRY_ASSIGN(UniqueFd file, open_file(target, is_special ? O_WRONLY : O_WRONLY | O_CREAT | O_EXCL, 0644));
  FdSink out(file.get(), target);
  Result<> written = write_archive(store, images, format, out, progress);
  if (is_special) return written;
  if (written && rename(target.c_str(), path.c_str()) != 0)
    written = fail_errno(errno, cat("make ", quote(path)));
  if (!written) unlink(target.c_str());
  return written;
}

Result<> save_images(const Store& store, const std::vector<std::string>& names, ArchiveFormat format,
                     const std::string& path, Progress& progress) {
  TRY_ASSIGN(Lease lease, Lease::take(store, "save"));
  TRY_ASSIGN(std::vector<SavedImage> images, choose_images(store, names, lease));
  if (format == ArchiveFormat::kOciDirectory) return save_oci_directory(store, images, path, progress);
  if (path != "-") return save_to_file(store, images, format, path, progress);
  FdSink out(STDOUT_FILENO, "standard output");
  return write_archive(store, images, format, out, progress);
}

}  // namespace

Result<> save(const Store& store, const std::vector<std::string>& images, ArchiveFormat format,
              const std::string& path, Progress& progress) {
  Result<> saved = save_images(store, images, format, path, progress);
  if (saved) return saved;
  return std::unexpected(
      within(cat("save to ", path == "-" ? "standard output" : quote(path)), std::move(saved).error()));
}

}  // namespace shoji::images
