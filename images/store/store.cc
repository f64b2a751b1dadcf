#include "images/store/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/io.h"
#include "images/store/durable.h"

namespace shoji::images {

namespace {

constexpr uint64_t kVersion = 1;
constexpr std::string_view kOciLayout = "{\"imageLayoutVersion\":\"1.0.0\"}\n";
constexpr std::string_view kEmptyIndex =
    "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[]}\n";

// Unpacked layers have files with set-id bits, which nobody but root is to reach.
struct DirectoryRow {
  const char* name;
  mode_t mode;
};
constexpr DirectoryRow kDirectories[] = {
    {"blobs", 0755},  {"blobs/sha256", 0755}, {"blobs/sha512", 0755}, {"names", 0755},
    {"layers", 0700}, {"objects", 0700},      {"composed", 0700},     {"l", 0700},
    {"roots", 0700},  {"partial", 0700},      {"tmp", 0700},          {"leases", 0700},
    {"unify", 0700},
};
// What else may lie in a store that is half made, or that another verb has completed since we looked for its version; the
// root directory of a filesystem has lost+found.
constexpr std::string_view kFiles[] = {"oci-layout", "index.json", "sweep.lock", "index.lock",
                                       "unify.lock", "version",    "lost+found"};

bool is_of_store(std::string_view name) {
  return std::ranges::any_of(kDirectories, [&](const DirectoryRow& row) { return name == row.name; }) ||
         std::ranges::find(kFiles, name) != std::end(kFiles);
}

// The version file is written last, so that a store with one is complete.
Result<bool> has_version(int dir, const std::string& path) {
  auto text = read_file_at(dir, "version", 64);
  if (!text && text.error().kind == Kind::kNotFound) return false;
  if (!text) return Failure(within(cat("image store ", quote(path)), std::move(text).error()));
  uint64_t version = 0;
  for (char c : *text)
    if (c >= '0' && c <= '9' && version < 1'000'000) version = version * 10 + static_cast<uint64_t>(c - '0');
  if (version == 0)
    return fail(Kind::kInvalid, cat("image store ", quote(path), ": its version is no number"));
  if (version > kVersion)
    return fail(Kind::kUnsupported, cat("image store ", quote(path), " has version ", version,
                                        "; this program knows version ", kVersion));
  return true;
}

// A directory that holds something else is not taken over: the configuration may have named a wrong one.
Result<> refuse_foreign(int dir, const std::string& path) {
  TRY_ASSIGN(auto members, list_directory(dir, "."));
  for (const std::string& member : members)
    if (!is_of_store(member))
      return fail(Kind::kState, cat("directory ", quote(path),
                                    " is not an image store and not empty: it has ", quote(member)));
  return {};
}

Result<> make_layout(const Store& store) {
  for (const DirectoryRow& row : kDirectories)
    if (mkdirat(store.dir(), row.name, row.mode) != 0 && errno != EEXIST)
      return fail_errno(errno, cat("create directory ", quote(cat(store.path(), '/', row.name))));
  TRY(write_durably(store, "oci-layout", kOciLayout));
  {
    // Another process may have made the store meanwhile, and set a name.
    TRY_ASSIGN(FileLock lock, FileLock::acquire(store.dir(), "index.lock"));
    if (faccessat(store.dir(), "index.json", F_OK, 0) != 0)
      TRY(write_durably(store, "index.json", kEmptyIndex));
  }
  return write_durably(store, "version", cat(kVersion, '\n'));
}

Result<std::vector<std::string>> shared_paths(const ImagesConfig& config) {
  std::vector<std::string> out;
  for (const std::string& path : config.shared_stores) {
    UniqueFd dir(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!dir) return fail_errno(errno, cat("open shared image store ", quote(path)));
    TRY_ASSIGN(bool there, has_version(dir.get(), path));
    if (!there)
      return fail(Kind::kNotFound, cat("shared image store ", quote(path), ": there is no image store"));
    out.push_back(path);
  }
  return out;
}

}  // namespace

Result<Store> Store::open(const ImagesConfig& config, Access access) {
  Store store;
  store.config_ = config;
  const std::string& path = config.store;
  if (access == Access::kWrite) TRY(make_directories(path, 0755));
  store.dir_.reset(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!store.dir_ && errno == ENOENT && access == Access::kRead && !config.shared_stores.empty()) {
    // A store that is not made yet is an empty one: what the shared ones have is seen all the same.
    ImagesConfig shared = config;
    shared.store = shared.shared_stores.front();
    shared.shared_stores.erase(shared.shared_stores.begin());
    return open(shared, access);
  }
  if (!store.dir_ && errno == ENOENT)
    return fail(Kind::kNotFound, cat("image store ", quote(path), ": nothing was put there yet"));
  if (!store.dir_) return fail_errno(errno, cat("open image store ", quote(path)));
  store.paths_.push_back(path);
  TRY_ASSIGN(auto shared, shared_paths(config));
  store.paths_.insert(store.paths_.end(), shared.begin(), shared.end());
  TRY_ASSIGN(bool there, has_version(store.dir(), path));
  if (there) return store;
  if (access == Access::kRead)
    return fail(Kind::kNotFound, cat("image store ", quote(path), ": there is no image store"));
  TRY(refuse_foreign(store.dir(), path));
  if (auto made = make_layout(store); !made)
    return Failure(within(cat("image store ", quote(path)), std::move(made).error()));
  return store;
}

// --- looking into this store and the shared ones ---------------------------------------------------------------

Result<std::string> find_blob(const Store& store, const Digest& digest) {
  for (const std::string& root : store.paths()) {
    std::string path = cat(root, "/blobs/", algorithm_name(digest.algorithm()), '/', digest.hex());
    struct stat st{};
    if (lstat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode)) return path;
  }
  return fail(Kind::kNotFound,
              cat("blob ", digest.text(), " is not in the image store ", quote(store.path())));
}

Result<std::string> read_blob(const Store& store, const Digest& digest, size_t limit) {
  TRY_ASSIGN(std::string path, find_blob(store, digest));
  return read_file(path, limit);
}

Result<std::string> find_layer(const Store& store, const Digest& diff_id, LayerFormat format) {
  const char* member = format == LayerFormat::kTree ? "/tree" : "/index";
  for (const std::string& root : store.paths()) {
    std::string path = cat(root, "/layers/", diff_id.file_name());
    if (access(cat(path, member).c_str(), F_OK) == 0) return path;
  }
  return fail(Kind::kNotFound, cat("layer ", diff_id.text(), " is not unpacked"));
}

}  // namespace shoji::images
