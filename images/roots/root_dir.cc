#include "images/roots/root_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/io.h"
#include "images/store/durable.h"

namespace shoji::images {
namespace {

constexpr size_t kFactsLimit = 16 << 20;
constexpr size_t kNameLimit = 128;
constexpr char kFacts[] = "facts.json", kRemovedFacts[] = "removed.json";

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

Failure no_root(std::string_view name) {
  return fail(Kind::kNotFound, cat("there is no root ", quote(name)));
}

// Of the root's directory `path`, relative to `dir`.
Result<RootFacts> read_facts(int dir, const std::string& path, const std::string& name) {
  bool removing = false;
  auto text = read_file_at(dir, cat(path, "/", kFacts), kFactsLimit);
  if (!text && text.error().kind == Kind::kNotFound) {
    removing = true;
    text = read_file_at(dir, cat(path, "/", kRemovedFacts), kFactsLimit);
  }
  if (!text && text.error().kind == Kind::kNotFound) return no_root(name);
  if (!text) return Failure(std::move(text).error());
  // A power cut right after the root was made: the file has a name and no blocks yet.
  if (text->empty()) return no_root(name);
  TRY_ASSIGN(RootFacts facts, parse_facts(std::move(*text), name));
  facts.removing = removing;
  return facts;
}

}  // namespace

Result<> check_name(std::string_view what, std::string_view name) {
  bool good = !name.empty() && name.size() <= kNameLimit && is_alphanumeric(name.front()) &&
              std::ranges::all_of(
                  name, [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
  if (good) return {};
  return fail(Kind::kInvalid, cat(what, " name ", quote(name),
                                  ": a letter or digit, then letters, digits, \"_\", "
                                  "\".\" and \"-\", at most ",
                                  kNameLimit));
}

bool is_limited(const RootOptions& options) {
  return options.quota_bytes != 0 || options.quota_inodes != 0;
}

namespace {

Result<> take_lock(int fd, std::string_view name, bool wait) {
  while (flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return fail(Kind::kState, cat("root ", quote(name), " is being changed"));
    if (errno != EINTR) return fail_errno(errno, cat("lock root ", quote(name)));
  }
  return {};
}

}  // namespace

Result<RootDir> RootDir::lock(const Store& store, std::string_view name, Lock how) {
  TRY(check_name("root", name));
  std::string path = cat("roots/", name);
  while (true) {
    if (how == Lock::kMake && mkdirat(store.dir(), path.c_str(), 0700) != 0 && errno != EEXIST)
      return fail_errno(errno, cat("create root ", quote(name)));
    UniqueFd fd(openat(store.dir(), path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd && errno == ENOENT && how == Lock::kMake) continue;  // removed between the two calls
    if (!fd && errno == ENOENT) return no_root(name);
    if (!fd) return fail_errno(errno, cat("open root ", quote(name)));
    TRY(take_lock(fd.get(), name, how != Lock::kTry));
    struct stat locked{}, there{};
    bool same = fstat(fd.get(), &locked) == 0 &&
                fstatat(store.dir(), path.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
                locked.st_ino == there.st_ino && locked.st_dev == there.st_dev;
    if (same) return RootDir(store.path(), std::string(name), std::move(fd));
  }
}

std::string RootDir::path(std::string_view member) const {
  std::string path = cat(store_path_, "/roots/", name_);
  return member.empty() ? path : cat(path, "/", member);
}

std::string RootDir::disk(std::string_view member) const {
  return member.empty() ? path("disk") : cat(path("disk"), "/", member);
}

Result<RootFacts> RootDir::load() const {
  return read_facts(fd_.get(), ".", name_);
}

Result<> RootDir::save(const RootFacts& facts, bool durable) const {
  std::string temporary = cat(kFacts, ".new");  // we hold the lock: the name is ours
  TRY_ASSIGN(UniqueFd file, open_at(fd_.get(), temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  TRY(write_all(file.get(), print_facts(facts), temporary));
  if (durable) TRY(sync_file(file.get(), temporary));
  if (renameat(fd_.get(), temporary.c_str(), fd_.get(), kFacts) != 0)
    return fail_errno(errno, cat("write the facts of root ", quote(name_)));
  if (durable && fsync(fd_.get()) != 0) return fail_errno(errno, cat("sync root ", quote(name_)));
  return {};
}

Result<> RootDir::save_like(const RootFacts& facts, const std::string& like) const {
  auto text = read_file(like, kFactsLimit);
  if (text && *text == print_facts(facts) && linkat(AT_FDCWD, like.c_str(), fd_.get(), kFacts, 0) == 0)
    return {};
  return save(facts, false);
}

Result<> RootDir::begin_removal() const {
  if (renameat(fd_.get(), kFacts, fd_.get(), kRemovedFacts) == 0 || errno == ENOENT) return {};
  return fail_errno(errno, cat("begin to remove root ", quote(name_)));
}

Result<> RootDir::remove() const {
  // Facts go last: a root without them is one that was never finished, and its frozen uppers would have to be searched.
  TRY_ASSIGN(auto members, list_directory(fd_.get(), "."));
  for (const std::string& member : members)
    if (member != kRemovedFacts) TRY(remove_tree(path(member)));
  if (unlinkat(fd_.get(), kRemovedFacts, 0) != 0 && errno != ENOENT)
    return fail_errno(errno, cat("remove the facts of root ", quote(name_)));
  if (rmdir(path().c_str()) != 0 && errno != ENOENT)
    return fail_errno(errno, cat("remove root ", quote(name_)));
  return {};
}

Result<RootFacts> read_root_facts(const Store& store, const std::string& name) {
  TRY(check_name("root", name));
  return read_facts(store.dir(), cat("roots/", name), name);
}

bool is_private_frozen(std::string_view id) {
  return id.starts_with("own-");
}

std::string frozen_path(const std::string& root, const std::string& id) {
  return is_private_frozen(id) ? cat("roots/", root, "/disk/frozen/", id, "/tree")
                               : cat("frozen/", id, "/tree");
}

}  // namespace shoji::images
