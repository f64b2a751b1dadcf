// Which format of unpacked layers this host can mount.
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "images/store/store.h"

namespace shoji::images {

namespace {

constexpr const char* kCacheDirectory = "/run/shoji";
constexpr const char* kCache = "/run/shoji/layer-format";  // "KERNEL-RELEASE FORMAT"; a reboot forgets it

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

LayerFormat probe(const Store& store) {
  bool composed = open_filesystem("erofs") && has_data_layers(store);
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
  auto cached = read_file(kCache, 1024);
  for (LayerFormat format : {LayerFormat::kComposed, LayerFormat::kTree})
    if (cached && *cached == cat(release, ' ', format_name(format), '\n')) return format;
  LayerFormat format = probe(store);
  if (geteuid() == 0 && make_directories(kCacheDirectory, 0755))
    ignore(write_file_atomically(kCache, cat(release, ' ', format_name(format), '\n'), 0644),
           "it is probed again then");
  return format;
}

}  // namespace shoji::images
