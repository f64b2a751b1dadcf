#include "images/roots/in_use.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"
#include "images/roots/mount_api.h"
#include "images/store/scratch.h"

namespace shoji::images {
namespace {

constexpr size_t kSourceLimit = 255;  // fsconfig(2): FSCONFIG_SET_STRING

// proc_pid_mountinfo(5): space, tab, newline and backslash are \ooo.
std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string_view take_word(std::string_view& line) {
  size_t end = line.find(' ');
  std::string_view word = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return word;
}

// Mounts the upper as a lower layer of an overlay that is attached nowhere. With index=on the kernel refuses a layer that
// is another overlay's upper (overlayfs.rst, "Sharing and copying layers"): EBUSY.
Result<bool> is_refused(const std::string& upper, const std::string& scratch) {
  TRY(make_directories(cat(scratch, "/upper"), 0700));
  TRY(make_directories(cat(scratch, "/work"), 0700));
  TRY_ASSIGN(UniqueFd lower, open_file(upper, O_PATH | O_DIRECTORY));
  TRY_ASSIGN(UniqueFd top, open_file(cat(scratch, "/upper"), O_PATH | O_DIRECTORY));
  TRY_ASSIGN(UniqueFd work, open_file(cat(scratch, "/work"), O_PATH | O_DIRECTORY));
  TRY_ASSIGN(UniqueFd fs, open_filesystem("overlay"));
  TRY(set_option(fs.get(), "index", "on"));
  TRY(set_option(fs.get(), "lowerdir", cat("/proc/self/fd/", lower.get())));
  TRY(set_option(fs.get(), "upperdir", cat("/proc/self/fd/", top.get())));
  TRY(set_option(fs.get(), "workdir", cat("/proc/self/fd/", work.get())));
  auto mounted = create_mount(fs.get(), cat("a probe of ", quote(upper)), 0);
  if (mounted) return false;
  if (mounted.error().err == EBUSY) return true;
  return Failure(std::move(mounted).error());
}

}  // namespace

bool was_ever_mounted(const std::string& disk) {
  return access(cat(disk, "/work", "/work").c_str(), F_OK) == 0;
}

Result<bool> upper_in_use(const Store& store, const RootDir& dir) {
  if (!was_ever_mounted(dir.disk()) || access(dir.disk("upper").c_str(), F_OK) != 0) return false;
  TRY_ASSIGN(Scratch scratch, Scratch::make_directory(store, "probe"));
  return is_refused(dir.disk("upper"), scratch.path());
}

Result<std::string> mount_source(const Store& store, std::string_view root) {
  // Not as the configuration spells it: links may lead there.
  std::string path(4096, '\0');
  ssize_t n = readlink(cat("/proc/self/fd/", store.dir()).c_str(), path.data(), path.size());
  if (n < 0) return fail_errno(errno, cat("look up image store ", quote(store.path())));
  path.resize(static_cast<size_t>(n));
  path += cat("/roots/", root);
  if (path.size() > kSourceLimit)
    return fail(Kind::kUnsupported, cat("root ", quote(root), ": its directory has a name of more than ",
                                        kSourceLimit, " bytes: ", quote(path)));
  return path;
}

Result<std::vector<OverlayMount>> overlay_mounts() {
  TRY_ASSIGN(std::string text, read_file("/proc/self/mountinfo"));
  std::vector<OverlayMount> mounts;
  std::string_view rest = text;
  while (!rest.empty()) {
    size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    for (int i = 0; i < 4; ++i) take_word(line);
    std::string_view point = take_word(line);
    size_t dash = line.find("- ");
    if (dash == std::string_view::npos) continue;
    line.remove_prefix(dash + 2);
    if (take_word(line) == "overlay") mounts.push_back({unescape(take_word(line)), unescape(point)});
  }
  return mounts;
}

Result<std::vector<std::string>> mount_points_of(const std::string& source) {
  TRY_ASSIGN(std::vector<OverlayMount> mounts, overlay_mounts());
  std::vector<std::string> points;
  for (OverlayMount& mount : mounts)
    if (mount.source == source) points.push_back(std::move(mount.point));
  return points;
}

}  // namespace shoji::images
