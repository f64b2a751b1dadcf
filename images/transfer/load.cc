#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <ctime>
#include <thread>

#include "base/io.h"
#include "base/path.h"
#include "images/transfer/oci_layout.h"
#include "images/transfer/pipe.h"
#include "images/transfer/streams.h"
#include "images/transfer/transfer.h"
#include "images/transfer/unpack_image.h"

namespace shoji::images {
namespace {

constexpr size_t kRing = 1 << 20;

// A name for what has none: that of its file, in the letters that names may have.
std::string name_of_file(const std::string& path) {
  std::string name(path == "-" ? "" : base_name(clean_path(path)));
  name = name.substr(0, name.find(".tar"));
  std::string clean;
  for (char c : name) {
    if (isalnum(static_cast<unsigned char>(c)) != 0) {
      clean += static_cast<char>(tolower(static_cast<unsigned char>(c)));
    } else if (!clean.empty() && clean.back() != '-') {
      clean += '-';
    }
  }
  while (clean.ends_with('-')) clean.pop_back();
  return clean.empty() ? "loaded" : clean;
}

Result<Reference> full_name(std::string_view text) {
  TRY_ASSIGN(Reference name, parse_reference(text));
  if (name.is_short()) name.registry = "localhost";
  return name;
}

Result<std::vector<Reference>> names_of(const ArchivedImage& image, const std::string& path, bool alone) {
  std::vector<Reference> names;
  for (const std::string& text : image.names) {
    TRY_ASSIGN(Reference name, full_name(text));
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  if (!names.empty()) return names;
  Reference name{.registry = "localhost", .repository = name_of_file(path), .tag = "latest", .digest = {}};
  if (!alone) {
    name.tag.clear();
    name.digest = image.target.digest;
  }
  names.push_back(std::move(name));
  return names;
}

Result<std::vector<ArchivedImage>> archived_images(const Store& store, Lease& lease, ByteSource& bytes) {
  Pipe pipe = make_pipe(kRing);
  PipeReader reader = std::move(pipe.reader);
  std::jthread inflater([&bytes, writer = std::move(pipe.writer)]() mutable {
    InflatingSource plain(bytes);
    Result<uint64_t> poured = pour(plain, writer);
    if (!poured) writer.fail(std::move(poured).error());
  });
  Result<ArchiveContents> contents = read_archive(store, lease, reader);
  reader.close({.kind = Kind::kState, .text = "the archive is read"});
  if (!contents) return std::unexpected(contents.error());
  // A newer docker writes both; the index keeps the digests of the manifests.
  if (auto index = contents->texts.find("index.json"); index != contents->texts.end())
    return layout_images(index->second);
  if (contents->texts.contains("manifest.json")) return docker_images(store, lease, *contents);
  return fail(Kind::kInvalid,
              "it is no image archive: there is neither an index.json nor a manifest.json in it");
}

Result<std::vector<ArchivedImage>> images_at(const Store& store, Lease& lease, const std::string& path,
                                             Progress& progress) {
  if (path == "-") {
    FdSource input(STDIN_FILENO, "standard input");
    return archived_images(store, lease, input);
  }
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return fail_errno(errno, cat("read the state of ", quote(path)));
  if (S_ISDIR(status.st_mode)) {
    TRY_ASSIGN(std::string index, read_file(path + "/index.json", kManifestLimit));
    TRY_ASSIGN(std::vector<ArchivedImage> images, layout_images(index));
    TRY(copy_layout(store, lease, path, images, progress));
    return images;
  }
  TRY_ASSIGN(UniqueFd file, open_file(path, O_RDONLY));
  FdSource input(file.get(), path);
  return archived_images(store, lease, input);
}

Result<std::vector<NamedImage>> load_images(const Store& store, const std::string& path, Progress& progress) {
  TRY_ASSIGN(Lease lease, Lease::take(store, cat("load ", path)));
  progress.say(cat("loading ", path == "-" ? "standard input" : path));
  TRY_ASSIGN(std::vector<ArchivedImage> images, images_at(store, lease, path, progress));
  if (images.empty()) return fail(Kind::kInvalid, "there is no image in it");
  std::vector<NamedImage> loaded;
  for (const ArchivedImage& image : images) {
    TRY_ASSIGN(std::vector<Reference> names, names_of(image, path, images.size() == 1));
    for (const Reference& name : names) {
      loaded.push_back({.name = name, .target = image.target, .source = "load", .created = time(nullptr)});
      TRY(name_image(store, lease, loaded.back(), progress));
    }
  }
  return loaded;
}

}  // namespace

Result<std::vector<NamedImage>> load(const Store& store, const std::string& path, Progress& progress) {
  Result<std::vector<NamedImage>> loaded = load_images(store, path, progress);
  if (loaded) return loaded;
  return std::unexpected(
      within(cat("load ", path == "-" ? "standard input" : quote(path)), std::move(loaded).error()));
}

}  // namespace shoji::images
