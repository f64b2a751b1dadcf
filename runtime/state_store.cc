#include "runtime/state_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/io.h"
#include "runtime/facts_json.h"

namespace shoji {

namespace {

constexpr const char* kState = "state.json";
constexpr const char* kStagedState = "state.json.new";
constexpr const char* kConfig = "config.json";
constexpr const char* kKnownFiles[] = {kState, kStagedState, kConfig, "start", "report"};

constexpr size_t kMaxStateSize = size_t{64} << 20;

Failure does_not_exist() {
  return fail(Kind::kNotFound, "container does not exist");
}

Result<> write_new(int dir, const char* name, std::string_view text) {
  TRY_ASSIGN(UniqueFd file, open_at(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  return write_all(file.get(), text, name);
}

bool id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' ||
         c == '.' || c == '-';
}

}  // namespace

Result<> StateStore::check_id(std::string_view id) {
  bool legal = !id.empty() && id != "." && id != ".." && std::ranges::all_of(id, id_character);
  if (!legal)
    return fail(Kind::kInvalid,
                cat("invalid container id ", quote(id), ": letters, digits and _+.- are allowed"));
  if (id.size() > NAME_MAX)
    return fail(Kind::kInvalid, cat("invalid container id: longer than ", NAME_MAX, " characters"));
  return {};
}

std::string StateStore::path(std::string_view id) const {
  return cat(root_, "/", id);
}

Result<StateStore::Locked> StateStore::reserve(std::string_view id) {
  TRY(check_id(id));
  std::string directory = path(id);
  if (mkdir(directory.c_str(), 0700) != 0) {
    if (errno == ENOENT) {
      TRY(make_directories(root_, 0700));
      return reserve(id);
    }
    if (errno == EEXIST) return fail(Kind::kExists, "container with given ID already exists");
    return fail_errno(errno, cat("create directory ", quote(directory)));
  }
  auto locked = lock(id);
  // A forced delete may have taken the new directory away before the lock was ours.
  if (!locked && locked.error().kind == Kind::kNotFound)
    return fail(Kind::kState, "another command deleted the container while it was being created");
  return locked;
}

Result<StateStore::Locked> StateStore::lock(std::string_view id) const {
  TRY(check_id(id));
  UniqueFd dir(open(path(id).c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir) {
    if (errno == ENOENT) return does_not_exist();
    return fail_errno(errno, cat("open ", quote(path(id))));
  }
  TRY(lock_patiently(dir.get(), "the container"));
  if (is_unlinked(dir.get())) return does_not_exist();
  return Locked{std::move(dir)};
}

bool StateStore::busy(std::string_view id) const {
  UniqueFd dir(open(path(id).c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return dir && flock(dir.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

Result<> StateStore::save_intent(const Locked& container, const ContainerFacts& facts) const {
  // In place: a reader that comes in between finds an empty file, which says as much as no file.
  return write_new(container.dir.get(), kState, facts_to_json(facts));
}

Result<> StateStore::stage(const Locked& container, const ContainerFacts& facts) const {
  return write_new(container.dir.get(), kStagedState, facts_to_json(facts));
}

Result<> StateStore::publish(const Locked& container) const {
  int dir = container.dir.get();
  if (renameat(dir, kStagedState, dir, kState) != 0)
    return fail_errno(errno, cat("rename ", quote(kStagedState), " to ", quote(kState)));
  return {};
}

Result<> StateStore::save_config(const Locked& container, const std::string& file) const {
  TRY_ASSIGN(UniqueFd from, open_file(file, O_RDONLY));
  TRY_ASSIGN(UniqueFd to,
             open_at(container.dir.get(), kConfig, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  // sendfile(2), because a configuration of megabytes need not pass through our memory once more.
  ssize_t n = 0;
  do {
    n = sendfile(to.get(), from.get(), nullptr, kMaxStateSize);
  } while (n > 0 || (n < 0 && errno == EINTR));
  if (n < 0) return fail_errno(errno, cat("copy ", quote(file), " to ", quote(kConfig)));
  return {};
}

Result<ContainerFacts> StateStore::load(std::string_view id) const {
  // An id that can not be is as unknown as one that is not: runc says the same of both to `delete --force`.
  TRY(check_id(id));
  std::string file = cat(path(id), "/", kState);
  auto text = read_file(file, kMaxStateSize);
  if (!text && text.error().err != ENOENT && text.error().err != ENOTDIR)
    return std::unexpected(std::move(text).error());
  if (!text || text->empty()) {
    struct stat st{};
    if (stat(path(id).c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) return does_not_exist();
    ContainerFacts nothing_yet;
    nothing_yet.id = id;
    nothing_yet.owner = st.st_uid;
    return nothing_yet;
  }
  return facts_from_json(std::move(*text), file);
}

Result<std::string> StateStore::load_config(std::string_view id) const {
  return read_file(cat(path(id), "/", kConfig), kMaxStateSize);
}

Result<> StateStore::remove(const Locked& container, std::string_view id) const {
  for (const char* name : kKnownFiles) unlinkat(container.dir.get(), name, 0);
  if (rmdir(path(id).c_str()) == 0 || errno == ENOENT) return {};
  return remove_tree(path(id));
}

Result<std::vector<std::string>> StateStore::ids() const {
  std::vector<std::string> out;
  DIR* stream = opendir(root_.c_str());
  if (stream == nullptr) {
    if (errno == ENOENT) return out;
    return fail_errno(errno, cat("list ", quote(root_)));
  }
  while (dirent* entry = readdir(stream)) {
    bool directory = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN;
    if (directory && check_id(entry->d_name)) out.emplace_back(entry->d_name);
  }
  closedir(stream);
  std::ranges::sort(out);
  return out;
}

}  // namespace shoji
