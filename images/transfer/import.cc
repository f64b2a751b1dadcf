#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/io.h"
#include "images/tar/tar_reader.h"
#include "images/transfer/changes.h"
#include "images/transfer/new_layer.h"
#include "images/transfer/streams.h"
#include "images/transfer/transfer.h"
#include "images/transfer/tree_archive.h"
#include "images/transfer/utc.h"

namespace shoji::images {
namespace {

// Copies a tar as it is; reads it all the same, because a layer that cannot be unpacked is no layer. Returns the time of
// the newest member.
Result<int64_t> copy_tar(const UnpackLimits& limits, ByteSource& file, ByteSink& to) {
  InflatingSource plain(file, limits.ratio);
  TeeSource tar(plain, to);
  TarReader reader(tar, limits);
  int64_t newest = 0;
  TarEntry entry;
  for (;;) {
    TRY_ASSIGN(bool more, reader.next(entry));
    if (!more) break;
    newest = std::max(newest, entry.mtime);
  }
  TRY(reader.drain());
  return newest;
}

Result<int64_t> copy_root(const Store& store, const std::string& path, ByteSink& to) {
  if (path == "-") {
    FdSource input(STDIN_FILENO, "standard input");
    return copy_tar(store.config().limits, input, to);
  }
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return fail_errno(errno, cat("read the state of ", quote(path)));
  if (S_ISDIR(status.st_mode)) return archive_tree(path, to);
  TRY_ASSIGN(UniqueFd file, open_file(path, O_RDONLY));
  FdSource input(file.get(), path);
  return copy_tar(store.config().limits, input, to);
}

}  // namespace

Result<Image> import_root(const Store& store, const std::string& path, const ImportOptions& options,
                          Progress& progress) {
  ImageConfig config = options.config;
  for (const std::string& change : options.changes) TRY(apply_change(config, change));
  TRY_ASSIGN(Lease lease, Lease::take(store, cat("import ", path)));
  progress.say(cat("importing ", path == "-" ? "standard input" : path));
  int64_t newest = 0;
  TRY_ASSIGN(NewLayer layer, make_layer(store, lease, kOwnCompression, [&](ByteSink& tar) -> Result<> {
               TRY_ASSIGN(newest, copy_root(store, path, tar));
               return {};
             }));
  // The same tree gives the same image: no clock is looked at.
  if (config.created.empty()) config.created = utc_text(source_date_epoch().value_or(newest));
  if (config.platform.architecture.empty()) config.platform = host_platform();
  config.diff_ids = {layer.diff_id};
  config.history = {{.created = config.created,
                     .created_by = "shoji image import",
                     .author = config.author,
                     .comment = options.message,
                     .empty_layer = false}};
  NewImage image{.name = options.name,
                 .config_text = print_image_config(config),
                 .layers = {layer.blob},
                 .annotations = options.annotations,
                 .source = "import"};
  return store_image(store, lease, image, progress);
}

}  // namespace shoji::images
