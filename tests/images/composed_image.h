#pragma once
// Images composed from entries given by hand, checked by erofs-utils, and mounted without a mount point.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/io.h"
#include "base/spawn.h"
#include "images/erofs/compose.h"
#include "images/erofs/layer_index.h"

namespace shoji::images::tests {

class ScratchDirectory {
 public:
  ScratchDirectory() {
    const char* top = getenv("TMPDIR");  // on a disk: overlayfs and xattrs
    path = cat(top == nullptr ? "/var/tmp" : top, "/shoji-images-XXXXXX");
    if (mkdtemp(path.data()) == nullptr) abort();
  }
  ~ScratchDirectory() { ignore(remove_tree(path), "the test is over"); }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  std::string path;
};

inline Result<std::string> write_index(const std::string& path, const std::vector<IndexedEntry>& entries) {
  TRY_ASSIGN(UniqueFd fd, open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  LayerIndexWriter writer(fd.get());
  for (const IndexedEntry& entry : entries) TRY(writer.add(entry));
  TRY(writer.finish());
  return path;
}

// Writes the layers' indexes and the image below `directory`; returns the image's path.
inline Result<std::string> compose_layers(const std::string& directory,
                                          const std::vector<std::vector<IndexedEntry>>& layers) {
  std::vector<std::string> indexes;
  for (const auto& layer : layers) {
    TRY_ASSIGN(std::string path, write_index(cat(directory, "/index", indexes.size()), layer));
    indexes.push_back(path);
  }
  std::string image = directory + "/image";
  TRY_ASSIGN(UniqueFd fd, open_file(image, O_RDWR | O_CREAT | O_TRUNC, 0600));
  TRY(compose(indexes, fd.get()));
  return image;
}

// What fsck.erofs (erofs-utils) says; empty: nothing is wrong.
inline std::string fsck(const std::string& image) {
  Result<Captured> ran = run_captured(
      {.path = "/usr/bin/fsck.erofs", .args = {"fsck.erofs", "-d1", image}, .env = {}, .join = {}}, "",
      20000);
  if (!ran) return ran.error().text;
  return ran->status == 0 ? "" : status_text(ran->status) + ": " + ran->out + ran->err;
}

// A detached mount of the image, or -1 with errno: ENOTBLK before Linux 6.12, which cannot mount a file.
inline int mount_image(const std::string& image) {
  UniqueFd context(fsopen("erofs", FSOPEN_CLOEXEC));
  if (!context) return -1;
  if (fsconfig(context.get(), FSCONFIG_SET_STRING, "source", image.c_str(), 0) != 0 ||
      fsconfig(context.get(), FSCONFIG_SET_FLAG, "ro", nullptr, 0) != 0 ||
      fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return -1;
  return fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
}

inline IndexedEntry file(std::string path, std::string content, mode_t mode = 0644) {
  IndexedEntry entry;
  entry.entry.path = std::move(path);
  entry.entry.mode = mode;
  entry.entry.size = content.size();
  entry.inline_content = std::move(content);
  return entry;
}
inline IndexedEntry node(std::string path, EntryType type, mode_t mode, std::string link = "") {
  IndexedEntry entry;
  entry.entry.path = std::move(path);
  entry.entry.type = type;
  entry.entry.mode = mode;
  entry.entry.link = std::move(link);
  return entry;
}
inline IndexedEntry directory(std::string path, mode_t mode = 0755) {
  return node(std::move(path), EntryType::kDirectory, mode);
}
inline IndexedEntry whiteout(std::string path) {
  IndexedEntry entry = file(std::move(path), "");
  entry.mark = EntryMark::kWhiteout;
  return entry;
}
inline IndexedEntry opaque(std::string path) {
  IndexedEntry entry = file(std::move(path), "");
  entry.mark = EntryMark::kOpaque;
  return entry;
}

}  // namespace shoji::images::tests
