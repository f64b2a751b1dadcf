#include "runtime/partition/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/io.h"
#include "runtime/partition/store_json.h"

namespace shoji {

namespace {

constexpr const char* kDefinition = "partition.json";
constexpr const char* kExit = "exit.json";
constexpr const char* kRun = "run.json";
constexpr size_t kLargest = size_t{4} << 20;  // bytes of one file

Failure no_such(std::string_view name) {
  return fail(Kind::kNotFound, cat("there is no partition ", quote(name)));
}

// Nothing when the file is not there.
Result<std::optional<std::string>> read_if_there(const std::string& path) {
  Result<std::string> text = read_file(path, kLargest);
  if (text) return std::optional(std::move(*text));
  if (text.error().kind == Kind::kNotFound) return std::optional<std::string>();
  return Failure(text.error());
}

}  // namespace

std::string_view status_name(PartitionStatus status) {
  constexpr std::string_view kNames[] = {"created",  "running", "paused", "restarting",
                                         "stopping", "exited",  "unkept"};
  return kNames[static_cast<size_t>(status)];
}

Result<PartitionStore::Locked> PartitionStore::reserve(std::string_view name) const {
  TRY(check_partition_name(name));
  TRY(make_directories(root_ + "/partitions", 0711));
  std::string path = directory(name);
  for (int round = 0; round < 2; ++round) {
    bool made = mkdir(path.c_str(), 0700) == 0;
    if (!made && errno != EEXIST) return fail_errno(errno, cat("make ", quote(path)));
    TRY_ASSIGN(UniqueFd dir, open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(lock_patiently(dir.get(), cat("partition ", quote(name))));
    if (is_unlinked(dir.get())) continue;  // removed between the two calls
    // A directory without a definition is what a killed verb left: the name is free.
    if (faccessat(dir.get(), kDefinition, F_OK, 0) != 0) return Locked{std::move(dir), std::string(name)};
    break;
  }
  return fail(Kind::kExists, cat("partition ", quote(name), " exists"));
}

Result<PartitionStore::Locked> PartitionStore::lock(std::string_view name_or_id) const {
  TRY_ASSIGN(std::string name, resolve(name_or_id));
  auto dir = open_file(directory(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!dir && dir.error().kind == Kind::kNotFound) return no_such(name_or_id);
  if (!dir) return Failure(dir.error());
  TRY(lock_patiently(dir->get(), cat("partition ", quote(name))));
  if (is_unlinked(dir->get()) || faccessat(dir->get(), kDefinition, F_OK, 0) != 0) return no_such(name_or_id);
  return Locked{std::move(*dir), std::move(name)};
}

Result<std::string> PartitionStore::resolve(std::string_view name_or_id) const {
  // A name, not a path; a name comes before an id.
  if (!check_partition_name(name_or_id)) return no_such(name_or_id);
  if (access(cat(directory(name_or_id), '/', kDefinition).c_str(), F_OK) == 0) return std::string(name_or_id);
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (name_or_id.find_first_not_of(kDigits) != std::string_view::npos) return no_such(name_or_id);
  TRY_ASSIGN(std::vector<std::string> all, names());
  std::string found;
  for (std::string& name : all) {
    auto definition = load(name);
    if (!definition || !definition->id.starts_with(name_or_id)) continue;
    if (!found.empty())
      return fail(Kind::kInvalid, cat("id ", quote(name_or_id), " is the beginning of those of ",
                                      quote(found), " and ", quote(name)));
    found = std::move(name);
  }
  if (found.empty()) return no_such(name_or_id);
  return found;
}

Result<> PartitionStore::save(const Locked& partition, const PartitionDefinition& definition) const {
  return write_file_atomically(cat(directory(partition.name), '/', kDefinition),
                               print_definition(definition));
}

Result<PartitionDefinition> PartitionStore::load(std::string_view name) const {
  std::string path = cat(directory(name), '/', kDefinition);
  TRY_ASSIGN(std::optional<std::string> text, read_if_there(path));
  if (!text) return no_such(name);
  return parse_definition(std::move(*text), path);
}

Result<std::vector<std::string>> PartitionStore::names() const {
  std::vector<std::string> out;
  std::string path = root_ + "/partitions";
  std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(path.c_str()), closedir);
  if (!entries && errno == ENOENT) return out;
  if (!entries) return fail_errno(errno, cat("list ", quote(path)));
  while (const dirent* entry = readdir(entries.get())) {
    std::string name = entry->d_name;
    if (name[0] == '.' || faccessat(dirfd(entries.get()), cat(name, '/', kDefinition).c_str(), F_OK, 0) != 0)
      continue;
    out.push_back(std::move(name));
  }
  std::ranges::sort(out);
  return out;
}

Result<> PartitionStore::remove(const Locked& partition) const {
  TRY(remove_tree(run_directory(partition.name)));
  // The definition first: without it there is no such partition, whatever else is left.
  if (unlinkat(partition.directory.get(), kDefinition, 0) != 0 && errno != ENOENT)
    return fail_errno(errno, cat("remove partition ", quote(partition.name)));
  return remove_tree(directory(partition.name));
}

Result<> PartitionStore::rename(const Locked& partition, std::string_view to) const {
  TRY_ASSIGN(PartitionDefinition definition, load(partition.name));
  TRY_ASSIGN(Locked target, reserve(to));
  std::string from = directory(partition.name), path = directory(to);
  definition.document.name = to;
  // In its new place it is complete before its old name is gone.
  TRY(write_file_atomically(cat(from, '/', kDefinition, ".renamed"), print_definition(definition)));
  if (syscall(SYS_renameat2, AT_FDCWD, from.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) != 0)
    return fail_errno(errno, cat("rename partition ", quote(partition.name), " to ", quote(to)));
  std::string renamed = cat(path, '/', kDefinition, ".renamed"), whole = cat(path, '/', kDefinition);
  if (::rename(renamed.c_str(), whole.c_str()) != 0)
    return fail_errno(errno, cat("rename partition ", quote(partition.name), " to ", quote(to)));
  TRY(remove_tree(from));
  return remove_tree(run_directory(partition.name));
}

Result<> PartitionStore::save_run(std::string_view name, const PartitionRun& run) const {
  return write_file_atomically(cat(run_directory(name), '/', kRun), print_run(run));
}

Result<std::optional<PartitionRun>> PartitionStore::load_run(std::string_view name) const {
  std::string path = cat(run_directory(name), '/', kRun);
  TRY_ASSIGN(std::optional<std::string> text, read_if_there(path));
  if (!text) return std::optional<PartitionRun>();
  TRY_ASSIGN(PartitionRun run, parse_run(std::move(*text), path));
  return std::optional(run);
}

Result<> PartitionStore::forget_run(std::string_view name) const {
  std::string path = cat(run_directory(name), '/', kRun);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, cat("remove ", quote(path)));
  return {};
}

Result<> PartitionStore::save_exit(std::string_view name, const PartitionExit& exit) const {
  return write_file_atomically(cat(directory(name), '/', kExit), print_exit(exit));
}

Result<std::optional<PartitionExit>> PartitionStore::load_exit(std::string_view name) const {
  std::string path = cat(directory(name), '/', kExit);
  TRY_ASSIGN(std::optional<std::string> text, read_if_there(path));
  if (!text) return std::optional<PartitionExit>();
  TRY_ASSIGN(PartitionExit exit, parse_exit(std::move(*text), path));
  return std::optional(exit);
}

}  // namespace shoji
