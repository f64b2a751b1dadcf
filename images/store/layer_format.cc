// Which format of unpacked layers this host can mount.
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/io.h"
#include "images/erofs/format.h"
#include "images/store/durable.h"
#include "images/store/store.h"

namespace shoji::images {

namespace {

constexpr const char* kCacheDirectory = "/run/shoji";  // a reboot forgets it

// musl and Debian 12's glibc differ in which of these they wrap.
UniqueFd open_filesystem(const char* name) {
  return UniqueFd(static_cast<int>(syscall(SYS_fsopen, name, FSOPEN_CLOEXEC)));
}
bool set(const UniqueFd& fs, const char* key, const std::string& value) {
  return syscall(SYS_fsconfig, fs.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0;
}
bool create(const UniqueFd& fs) {
  if (syscall(SYS_fsconfig, fs.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return false;
  UniqueFd mount(static_cast<int>(syscall(SYS_fsmount, fs.get(), FSMOUNT_CLOEXEC, 0)));
  return static_cast<bool>(mount);
}

// An overlay of a lower and a data-only layer (Documentation/filesystems/overlayfs.rst; Linux 6.5, as two options since
// 6.8), made of two directories of the store and attached nowhere.
bool has_data_layers(const Store& store) {
  UniqueFd lower(openat(store.dir(), "layers", O_PATH | O_DIRECTORY | O_CLOEXEC));
  UniqueFd data(openat(store.dir(), "objects", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!lower || !data) return false;
  // As descriptors: the paths may have colons.
  std::string lower_path = cat("/proc/self/fd/", lower.get()), data_path = cat("/proc/self/fd/", data.get());
  for (bool separate : {true, false}) {
    UniqueFd fs = open_filesystem("overlay");
    if (!fs || !set(fs, "metacopy", "on") || !set(fs, "redirect_dir", "on")) return false;
    bool layers = separate ? set(fs, "lowerdir+", lower_path) && set(fs, "datadir+", data_path)
                           : set(fs, "lowerdir", cat(lower_path, "::", data_path));
    if (layers && create(fs)) return true;
  }
  return false;
}

// An image of an empty root, in one block.
std::string smallest_image() {
  using namespace erofs;
  constexpr uint32_t kRoot = kSuperOffset + sizeof(SuperBlock);
  constexpr uint16_t kNid = kRoot / kSlot, kNames = 2 * sizeof(DirectoryEntry);
  SuperBlock super{};
  super.magic = kMagic;
  super.block_bits = kBlockBits;
  super.root_nid = kNid;
  super.inodes = super.blocks = 1;
  super.feature_incompat = kIncompatChunkedFile;
  Inode root{};
  root.format = inode_format(DataLayout::kFlatInline);
  root.mode = S_IFDIR | 0755;
  root.size = kNames + 3;
  root.links = 2;
  DirectoryEntry entries[2] = {{kNid, kNames, kTypeDirectory, 0}, {kNid, kNames + 1, kTypeDirectory, 0}};
  std::string image(kBlock, '\0');
  auto put = [&](uint32_t at, const void* bytes, size_t size) { memcpy(image.data() + at, bytes, size); };
  put(kSuperOffset, &super, sizeof super);
  put(kRoot, &root, sizeof root);
  put(kRoot + sizeof root, entries, sizeof entries);
  put(kRoot + sizeof root + sizeof entries, "...", 3);
  return image;
}

// A file of the store as an erofs filesystem: Linux 6.12, where the filesystem below reads by folios (fs/erofs/super.c).
bool mounts_files(const Store& store) {
  UniqueFd file(openat(store.dir(), "tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file || !write_all(file.get(), smallest_image(), "probe")) return false;
  UniqueFd fs = open_filesystem("erofs");
  return fs && set(fs, "source", cat("/proc/self/fd/", file.get())) &&
         syscall(SYS_fsconfig, fs.get(), FSCONFIG_SET_FLAG, "ro", nullptr, 0) == 0 && create(fs);
}

// A store that cannot be written has what it has: trees, unless an image was composed there.
bool has_composed(const Store& store) {
  for (const std::string& path : store.paths()) {
    UniqueFd root(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) continue;
    auto names = list_directory(root.get(), "composed");
    if (names && !names->empty()) return true;
  }
  return false;
}

LayerFormat probe(const Store& store) {
  bool writable = faccessat(store.dir(), "tmp", W_OK, 0) == 0;
  bool composed = has_data_layers(store) && (writable ? mounts_files(store) : has_composed(store));
  return composed ? LayerFormat::kComposed : LayerFormat::kTree;
}

constexpr std::string_view format_name(LayerFormat format) {
  return format == LayerFormat::kComposed ? "composed" : "tree";
}

}  // namespace

Result<LayerFormat> layer_format(const Store& store) {
  if (store.config().format == "composed") return LayerFormat::kComposed;
  if (store.config().format == "tree") return LayerFormat::kTree;
  TRY_ASSIGN(std::string release, read_file("/proc/sys/kernel/osrelease", 1024));
  while (release.ends_with('\n')) release.pop_back();
  struct stat facts{};
  struct statfs filesystem{};
  if (fstat(store.dir(), &facts) != 0 || fstatfs(store.dir(), &filesystem) != 0)
    return fail_errno(errno, cat("inspect ", quote(store.path())));
  // By the filesystem: not each can have files mounted or layers in it.
  std::string cache = cat(kCacheDirectory, "/layer-format.", facts.st_dev, '.', filesystem.f_type);
  auto cached = read_file(cache, 1024);
  for (LayerFormat format : {LayerFormat::kComposed, LayerFormat::kTree})
    if (cached && *cached == cat(release, ' ', format_name(format), '\n')) return format;
  LayerFormat format = probe(store);
  if (geteuid() == 0 && make_directories(kCacheDirectory, 0755))
    ignore(write_file_atomically(cache, cat(release, ' ', format_name(format), '\n'), 0644),
           "it is probed again then");
  return format;
}

}  // namespace shoji::images
