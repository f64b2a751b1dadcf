#include "images/roots/overlay.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/io.h"
#include "images/roots/helper_process.h"
#include "images/roots/mount_api.h"

namespace shoji::images {
namespace {

constexpr int kLayersOneByOne = 6005, kLayersFromDetachedMounts = 6015, kErofsFromFiles = 6012;
constexpr size_t kOptionsLimit = 4095;  // mount(2): one page with its terminating null byte

// The bases, open: mounts of our own, or plain directories where none is needed.
struct Bases {
  std::vector<UniqueFd> fds;
};

bool is_mapped(const LayerBase& base, const OverlayHost& host) {
  return base.type != LayerBase::Type::kEmpty && base.mapped && host.user_namespace >= 0;
}

bool needs_mount(const LayerBase& base, const OverlayHost& host) {
  return base.type != LayerBase::Type::kDirectory || is_mapped(base, host);
}

bool needs_mounts(const OverlayPlan& plan, const OverlayHost& host) {
  return std::ranges::any_of(plan.bases, [&](const LayerBase& base) { return needs_mount(base, host); });
}

Result<UniqueFd> mount_empty() {
  TRY_ASSIGN(UniqueFd fs, open_filesystem("tmpfs"));
  TRY(set_option(fs.get(), "mode", "0755"));
  return create_mount(fs.get(), "an empty layer", MOUNT_ATTR_RDONLY);
}

Result<UniqueFd> open_base(const LayerBase& base, const OverlayHost& host) {
  UniqueFd fd;
  if (base.type == LayerBase::Type::kErofsFile) {
    TRY_ASSIGN(fd, mount_erofs(base.path, host.version));
  } else if (base.type == LayerBase::Type::kEmpty) {
    TRY_ASSIGN(fd, mount_empty());
  } else if (needs_mount(base, host)) {
    TRY_ASSIGN(fd, clone_mount(AT_FDCWD, base.path));
  } else {
    TRY_ASSIGN(fd, open_file(base.path, O_PATH | O_DIRECTORY));
  }
  if (is_mapped(base, host)) TRY(map_mount_ids(fd.get(), host.user_namespace, quote(base.path)));
  return fd;
}

Result<Bases> open_bases(const OverlayPlan& plan, const OverlayHost& host) {
  Bases bases;
  for (const LayerBase& base : plan.bases) {
    TRY_ASSIGN(UniqueFd fd, open_base(base, host));
    bases.fds.push_back(std::move(fd));
  }
  return bases;
}

// Attaches our mounts in the private namespace we are in. They cover each other, which descriptors do not mind. Returns
// where they are: a place to mount on for others as well.
Result<std::string> attach_bases(const OverlayPlan& plan, const Bases& bases, const OverlayHost& host) {
  auto place = std::ranges::find(plan.bases, LayerBase::Type::kDirectory, &LayerBase::type);
  if (place == plan.bases.end())
    return fail(Kind::kState, cat("mount ", plan.name, ": no directory to mount on"));
  for (size_t i = 0; i < plan.bases.size(); ++i)
    if (needs_mount(plan.bases[i], host)) TRY(attach_mount(bases.fds[i].get(), place->path));
  return place->path;
}

Result<UniqueFd> open_layer(const OverlayPlan& plan, const Bases& bases, const LayerPlace& place) {
  int base = bases.fds[place.base].get();
  UniqueFd fd(openat(base, place.path.empty() ? "." : place.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd)
    return fail_errno(errno, cat("open layer ", quote(cat(plan.bases[place.base].path, "/", place.path))));
  return fd;
}

// Sets layers by descriptor, or by its name in /proc where the kernel does not take descriptors.
class LayerSetter {
 public:
  LayerSetter(const OverlayPlan& plan, const Bases& bases, int fs) : plan_(&plan), bases_(&bases), fs_(fs) {}
  Result<> set(const std::string& key, const LayerPlace& place) {
    TRY_ASSIGN(UniqueFd fd, open_layer(*plan_, *bases_, place));
    if (by_descriptor_) {
      Result<> done = set_descriptor(fs_, key, fd.get());
      // Until 6.12 (EBADF: not O_PATH ones) it takes none.
      if (done || (done.error().err != EINVAL && done.error().err != EBADF)) return done;
      by_descriptor_ = false;
    }
    return set_option(fs_, key, cat("/proc/self/fd/", fd.get()));
  }

 private:
  const OverlayPlan* plan_;
  const Bases* bases_;
  int fs_;
  bool by_descriptor_ = true;
};

Result<UniqueFd> mount_by_descriptors(const OverlayPlan& plan, const Bases& bases) {
  TRY_ASSIGN(UniqueFd fs, open_filesystem("overlay"));
  TRY(set_option(fs.get(), "source", plan.source));
  for (const std::string& option : overlay_options(plan)) {
    size_t equals = option.find('=');
    if (equals == std::string::npos) {
      TRY(set_flag(fs.get(), option));
    } else {
      TRY(set_option(fs.get(), option.substr(0, equals), option.substr(equals + 1)));
    }
  }
  LayerSetter layers(plan, bases, fs.get());
  for (const LayerPlace& lower : plan.lowers) TRY(layers.set("lowerdir+", lower));
  for (const LayerPlace& data : plan.data) TRY(layers.set("datadir+", data));
  if (plan.has_upper) {
    TRY(layers.set("upperdir", plan.upper));
    TRY(layers.set("workdir", plan.work));
  }
  return create_mount(fs.get(), plan.name, plan.has_upper ? 0 : MOUNT_ATTR_RDONLY);
}

// mount(2) in a private namespace, where the working directory and the mount point are nobody else's.
Result<UniqueFd> mount_by_options(const OverlayPlan& plan, const Bases& bases, const std::string& target) {
  std::vector<UniqueFd> open;
  auto name_of = [&](const LayerPlace& place) -> Result<std::string> {
    TRY_ASSIGN(UniqueFd fd, open_layer(plan, bases, place));
    open.push_back(std::move(fd));
    return std::to_string(open.back().get());
  };
  std::string options = "lowerdir=";
  for (const LayerPlace& lower : plan.lowers) {
    TRY_ASSIGN(std::string name, name_of(lower));
    options += cat(open.size() == 1 ? "" : ":", name);
  }
  for (const LayerPlace& data : plan.data) {
    TRY_ASSIGN(std::string name, name_of(data));
    options += cat("::", name);
  }
  if (plan.has_upper) {
    TRY_ASSIGN(std::string upper, name_of(plan.upper));
    TRY_ASSIGN(std::string work, name_of(plan.work));
    options += cat(",upperdir=", upper, ",workdir=", work);
  }
  for (const std::string& option : overlay_options(plan)) options += cat(",", option);
  if (options.size() > kOptionsLimit)
    return fail(Kind::kUnsupported, cat("mount ", plan.name, ": ", plan.lowers.size(),
                                        " layers do not fit in the page of options that this kernel takes"));
  if (chdir("/proc/self/fd") != 0) return fail_errno(errno, "enter \"/proc/self/fd\"");
  unsigned long flags = plan.has_upper ? 0 : MS_RDONLY;
  if (mount(plan.source.c_str(), target.c_str(), "overlay", flags, options.c_str()) != 0)
    return fail_errno(errno, cat("mount ", plan.name, " (", plan.lowers.size(), " layers by mount(2))"));
  return clone_mount(AT_FDCWD, target);
}

// An upper's root directory is what a process sees as "/": it takes owner and mode from the layer below it.
Result<> copy_root_attributes(const OverlayPlan& plan, const Bases& bases) {
  TRY_ASSIGN(UniqueFd lower, open_layer(plan, bases, plan.lowers.front()));
  TRY_ASSIGN(UniqueFd upper, open_layer(plan, bases, plan.upper));
  struct stat st{};
  if (fstat(lower.get(), &st) != 0) return fail_errno(errno, cat("inspect the root of ", plan.name));
  std::string path = cat("/proc/self/fd/", upper.get());
  if (chown(path.c_str(), st.st_uid, st.st_gid) != 0 || chmod(path.c_str(), st.st_mode & 07777) != 0)
    return fail_errno(errno, cat("set owner and mode of the upper directory of ", plan.name));
  return {};
}

}  // namespace

std::vector<std::string> overlay_options(const OverlayPlan& plan) {
  // index=off: an index ties an upper to the inodes of the layers below it, and a store that was copied to another disk
  // would not mount again (ESTALE). What an index would also do, refusing an upper that is in use, upper_in_use() does.
  // xino=auto: inode numbers that are unique and stay, wherever the lower filesystem leaves bits for it.
  std::vector<std::string> options{"index=off"};
  if (!plan.userxattr) options.emplace_back("xino=auto");
  if (plan.userxattr) {
    options.emplace_back("userxattr");  // implies no redirects and no metacopy
  } else if (plan.metacopy) {
    // A composed image's files are metadata that redirect to their contents. With metacopy=on the kernel insists on
    // redirect_dir=on when there is an upper, so that renamed directories occur in it.
    options.emplace_back("metacopy=on");
    options.emplace_back(plan.has_upper ? "redirect_dir=on" : "redirect_dir=follow");
  } else {
    // Nothing in a layer of somebody else's leads anywhere ("nofollow"), and rename(2) of a directory that is below
    // gives EXDEV, upon which mv(1) copies: an upper holds no redirect, so that other tools can read it.
    options.emplace_back("metacopy=off");
    options.emplace_back("redirect_dir=nofollow");
  }
  if (plan.no_sync && plan.has_upper) options.emplace_back("volatile");
  return options;
}

Result<UniqueFd> mount_erofs(const std::string& path, int version) {
  if (version < kErofsFromFiles)
    return fail(Kind::kUnsupported, cat("mount ", quote(path), ": erofs files need Linux 6.12"));
  TRY_ASSIGN(UniqueFd fs, open_filesystem("erofs"));
  TRY(set_option(fs.get(), "source", path));
  return create_mount(fs.get(), quote(path), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV);
}

Result<UniqueFd> mount_overlay(const OverlayPlan& plan, const OverlayHost& host) {
  size_t layers = plan.lowers.size() + plan.data.size();
  if (layers > kOverlayLayerLimit)
    return fail(Kind::kUnsupported, cat("mount ", plan.name, ": ", layers,
                                        " layers, and overlayfs takes at most ", kOverlayLayerLimit));
  bool legacy = host.force_legacy || host.version < kLayersOneByOne;
  bool attach = legacy || (host.version < kLayersFromDetachedMounts && needs_mounts(plan, host));
  HelperNature nature{.private_mounts = attach};
  if (plan.has_upper && host.user_namespace >= 0) {
    nature.fsuid = host.mapped_uid;
    nature.fsgid = host.mapped_gid;
  }
  UniqueFd mounted;
  auto work = [&]() -> Result<> {
    // In a helper's namespace if there is one, because layers have to lie in mounts of it.
    TRY_ASSIGN(Bases bases, open_bases(plan, host));
    if (plan.fresh_upper) TRY(copy_root_attributes(plan, bases));
    std::string target;
    if (attach) {
      TRY_ASSIGN(target, attach_bases(plan, bases, host));
    }
    TRY_ASSIGN(mounted, legacy ? mount_by_options(plan, bases, target) : mount_by_descriptors(plan, bases));
    return {};
  };
  if (nature.private_mounts || nature.fsuid >= 0) {
    TRY(run_in_helper(nature, work));
  } else {
    TRY(work());
  }
  return mounted;
}

}  // namespace shoji::images
