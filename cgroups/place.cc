#include "cgroups/place.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <memory>
#include <tuple>

#include "base/io.h"

namespace shoji {
namespace {

Failure knob_failure(int err, std::string_view verb, const Place& place, const std::string& file) {
  Kind kind = err == ENOENT || err == ENODEV ? Kind::kNotFound : Kind::kSystem;
  return std::unexpected(
      Error{kind, err, cat(verb, quote(cat(place.dir, "/", file)), ": ", knob_errno_text(err))});
}

}  // namespace

std::string knob_errno_text(int err) {
  switch (err) {
    case ENOENT:
      return "the kernel does not have it";
    case ENODEV:
      return "the cgroup is gone";
    case EPERM:
    case EACCES:
      return "the kernel refuses it to this process";
    default:
      return std::string(errno_text(err));
  }
}

Place* place_of(std::vector<Place>& places, Controller controller) {
  for (Place& place : places) {
    if (!place.unified && place.controllers.has(controller)) return &place;
  }
  return !places.empty() && places.front().unified ? &places.front() : nullptr;
}

Result<> open_place(Place& place) {
  if (place.fd) return {};
  UniqueFd fd(open(place.dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    return std::unexpected(Error{errno == ENOENT ? Kind::kNotFound : Kind::kSystem, errno,
                                 cat("open cgroup ", quote(place.dir), ": ",
                                     errno == ENOENT ? "there is no such cgroup" : errno_text(errno))});
  }
  place.fd = std::move(fd);
  return {};
}

Result<> load_controllers(Place& place) {
  if (place.known || !place.unified) return {};
  TRY_ASSIGN(std::string list, read_knob(place, "cgroup.controllers"));
  place.controllers = parse_controllers(list);
  place.known = true;
  return {};
}

Result<std::string> read_knob(const Place& place, const std::string& file) {
  UniqueFd fd(openat(place.fd.get(), file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return knob_failure(errno, "read ", place, file);
  // Most knobs are a few words: one read into the stack, and no second one to see the end, if it is short.
  std::array<char, 2048> buffer;
  ssize_t n = read(fd.get(), buffer.data(), buffer.size());
  if (n < 0) return knob_failure(errno, "read ", place, file);
  std::string text(buffer.data(), static_cast<size_t>(n));
  if (static_cast<size_t>(n) == buffer.size()) {
    auto rest = read_fd(fd.get(), file);
    if (!rest) return knob_failure(rest.error().err, "read ", place, file);
    text += *rest;
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<> write_knob(const Place& place, const std::string& file, std::string_view text) {
  auto written = write_kernel_file_at(place.fd.get(), file, text);
  if (written) return {};
  return knob_failure(written.error().err, cat("write ", quote(text), " to "), place, file);
}

bool has_knob(const Place& place, const std::string& file) {
  return faccessat(place.fd.get(), file.c_str(), F_OK, 0) == 0;
}

Result<std::vector<std::string>> child_cgroups(int dir) {
  std::vector<std::string> names;
  struct stat st{};
  // kernfs counts subdirectories in st_nlink: mostly there are none, which saves listing all the knobs.
  if (fstat(dir, &st) == 0 && st.st_nlink == 2) return names;
  UniqueFd listable(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!listable) return fail_errno(errno, "list a cgroup");
  std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(listable.get()), &closedir);
  if (!stream) return fail_errno(errno, "list a cgroup");
  std::ignore = listable.release();
  while (dirent* entry = readdir(stream.get())) {
    std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

}  // namespace shoji
