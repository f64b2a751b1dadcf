#include "images/store/mark.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "base/io.h"
#include "base/json.h"
#include "images/store/durable.h"

namespace shoji::images {

namespace {

constexpr size_t kFactsLimit = 16 << 20;
constexpr int kDepth = 4;

Result<> mark_config(const Store& store, const Digest& digest, Marks& marks) {
  marks.configs.insert(digest);
  if (!marks.digests.insert(digest).second) return {};
  auto text = read_blob(store, digest, kConfigLimit);
  if (!text && text.error().kind == Kind::kNotFound) return {};
  if (!text) return Failure(std::move(text).error());
  // Artifacts that are no images have configurations of their own kinds.
  auto config = parse_image_config(*text);
  if (config) marks.digests.insert(config->diff_ids.begin(), config->diff_ids.end());
  return {};
}

Result<> mark_target(const Store& store, const Digest& digest, std::string_view media_type, int depth,
                     Marks& marks) {
  if (!marks.digests.insert(digest).second) return {};
  auto text = read_blob(store, digest, kManifestLimit);
  if (!text && text.error().kind == Kind::kNotFound) return {};
  if (!text) return Failure(std::move(text).error());
  TRY_ASSIGN(AnyManifest any, parse_manifest(*text, media_type));
  if (const auto* manifest = std::get_if<Manifest>(&any)) {
    for (const Descriptor& layer : manifest->layers) marks.digests.insert(layer.digest);
    return mark_config(store, manifest->config.digest, marks);
  }
  if (depth == 0) return fail(Kind::kInvalid, cat("indexes are nested deeper than ", kDepth, " levels"));
  for (const Descriptor& entry : std::get<Index>(any).manifests)
    TRY(mark_target(store, entry.digest, entry.media_type, depth - 1, marks));
  return {};
}

// Documents say their digests as strings, under whatever key.
void collect_digests(Json value, std::set<Digest>& out) {
  if (value.is_string()) {
    if (auto digest = Digest::parse(*value.as_string())) out.insert(*digest);
  } else if (value.is_array() || value.is_object()) {
    for (Json member = value.first(); member.exists(); member = member.next()) collect_digests(member, out);
  }
}

// The first digits of the configurations of mounted images, from the devices that mountinfo shows (proc(5)).
Result<std::vector<std::string>> mounted_images() {
  constexpr std::string_view kDevice = " - overlay shoji-image:";
  std::vector<std::string> out;
  TRY_ASSIGN(std::string mounts, read_file("/proc/self/mountinfo"));
  std::string_view rest = mounts;
  for (size_t at = rest.find(kDevice); at != std::string_view::npos; at = rest.find(kDevice)) {
    rest.remove_prefix(at + kDevice.size());
    out.emplace_back(rest.substr(0, rest.find(' ')));
  }
  return out;
}

Result<> add_mounted_images(const Store& store, std::set<Digest>& out) {
  TRY_ASSIGN(auto prefixes, mounted_images());
  if (prefixes.empty()) return {};
  for (const char* algorithm : {"sha256", "sha512"}) {
    TRY_ASSIGN(auto blobs, list_directory(store.dir(), cat("blobs/", algorithm)));
    for (const std::string& hex : blobs) {
      bool mounted = std::ranges::any_of(
          prefixes, [&](const std::string& prefix) { return !prefix.empty() && hex.starts_with(prefix); });
      auto digest = mounted ? Digest::parse(cat(algorithm, ':', hex)) : Result<Digest>(Digest());
      auto text = digest && mounted ? read_blob(store, *digest, kConfigLimit) : Result<std::string>("");
      auto config = text ? parse_image_config(*text) : Result<ImageConfig>(Failure(text.error()));
      if (!config) continue;
      out.insert(*digest);
      out.insert(config->diff_ids.begin(), config->diff_ids.end());
    }
  }
  return {};
}

void read_lease(std::string_view text, Leases& out) {
  constexpr std::string_view kSince = "since ";
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (auto digest = Digest::parse(line)) out.held.insert(*digest);
    if (line.starts_with(kSince)) {
      int64_t since = strtoll(std::string(line.substr(kSince.size())).c_str(), nullptr, 10);
      out.oldest = std::min(out.oldest.value_or(since), since);
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

Result<> mark_image(const Store& store, const Descriptor& target, Marks& marks) {
  auto marked = mark_target(store, target.digest, target.media_type, kDepth, marks);
  if (!marked) return Failure(within(cat("manifest ", target.digest.text()), std::move(marked).error()));
  return {};
}

Result<> mark_anything(const Store& store, const Digest& digest, Marks& marks) {
  if (marks.has(digest)) return {};
  auto path = find_blob(store, digest);
  struct stat st{};
  bool document = path && stat(path->c_str(), &st) == 0 && static_cast<size_t>(st.st_size) <= kManifestLimit;
  auto text = document ? read_file(*path, kManifestLimit) : Result<std::string>("");
  if (text && text->starts_with('{')) {
    if (parse_manifest(*text, "")) return mark_target(store, digest, "", kDepth, marks);
    if (auto config = parse_image_config(*text); config && !config->diff_ids.empty())
      return mark_config(store, digest, marks);
  }
  marks.digests.insert(digest);
  return {};
}

Result<std::set<Digest>> digests_of_roots(const Store& store) {
  std::set<Digest> out;
  TRY_ASSIGN(auto roots, list_directory(store.dir(), "roots"));
  for (const std::string& root : roots) {
    std::string path = cat("roots/", root, "/facts.json");
    auto text = read_file_at(store.dir(), path, kFactsLimit);
    // Not complete yet: whoever makes it holds a lease.
    if (!text && (text.error().err == ENOENT || text.error().err == ENOTDIR)) continue;
    if (!text) return Failure(std::move(text).error());
    TRY_ASSIGN(auto document, JsonDocument::parse(std::move(*text), path));
    collect_digests(document.root(), out);
  }
  TRY(add_mounted_images(store, out));
  return out;
}

Result<Leases> read_leases(const Store& store) {
  Leases out;
  TRY_ASSIGN(auto names, list_directory(store.dir(), "leases"));
  for (const std::string& name : names) {
    auto fd = open_at(store.dir(), cat("leases/", name), O_RDONLY | O_NOFOLLOW);
    if (!fd && fd.error().kind == Kind::kNotFound) continue;  // dropped meanwhile
    if (!fd) return Failure(std::move(fd).error());
    if (flock(fd->get(), LOCK_SH | LOCK_NB) == 0) {
      out.dead.push_back(name);
      continue;
    }
    TRY_ASSIGN(std::string text, read_fd(fd->get(), name));
    read_lease(text, out);
  }
  return out;
}

// --- objects -------------------------------------------------------------------------------------------------------

bool ObjectMarks::parse(std::string_view hex, Key& key) {
  if (hex.size() != 2 * key.size()) return false;
  auto value = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  for (size_t i = 0; i < key.size(); ++i) {
    int high = value(hex[2 * i]), low = value(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    key[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return true;
}

void ObjectMarks::add(std::string_view hex) {
  Key key;
  if (parse(hex, key)) keys_.push_back(key);
}

void ObjectMarks::sort() {
  std::ranges::sort(keys_);
  auto rest = std::ranges::unique(keys_);
  keys_.erase(rest.begin(), rest.end());
}

bool ObjectMarks::has(std::string_view hex) const {
  Key key;
  return parse(hex, key) && std::ranges::binary_search(keys_, key);
}

}  // namespace shoji::images
