// Names of images: one file each, and index.json, which other tools read, derived from them.
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/io.h"
#include "images/store/durable.h"
#include "images/store/json_fields.h"
#include "images/store/names.h"
#include "images/store/store.h"

namespace shoji::images {

namespace {

constexpr size_t kNameFileLimit = 64 << 10;
constexpr size_t kFileNameLimit = 255;                                            // NAME_MAX
constexpr std::string_view kReferenceName = "org.opencontainers.image.ref.name";  // image-spec annotations.md

// FNV-1a. Names that share it and 230 characters are told apart by what the file says.
uint64_t fold(std::string_view text) {
  uint64_t hash = 14695981039346656037U;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

std::string print_name(const NamedImage& image) {
  JsonWriter out;
  out.begin_object();
  out.member("name", image.name.text());
  out.key("target");
  fields::print_descriptor(out, image.target);
  fields::print(out, "source", image.source);
  out.member("created", image.created);
  out.end_object();
  return out.take() + "\n";
}

Result<NamedImage> parse_name(std::string text, const std::string& path) {
  TRY_ASSIGN(auto document, JsonDocument::parse(std::move(text), path));
  Json root = document.root();
  NamedImage out;
  std::string name;
  TRY(fields::read(root, "name", name));
  TRY_ASSIGN(out.name, parse_reference(name));
  TRY_ASSIGN(out.target, fields::read_descriptor(root.find("target")));
  TRY(fields::read(root, "source", out.source));
  if (Json created = root.find("created"); created.exists()) {
    TRY_ASSIGN(out.created, created.as_int64());
  }
  return out;
}

Result<std::vector<NamedImage>> names_in(const std::string& root) {
  std::vector<NamedImage> out;
  TRY_ASSIGN(auto files, list_directory(AT_FDCWD, cat(root, "/names")));
  std::ranges::sort(files);
  for (const std::string& file : files) {
    auto image = read_name_file(cat(root, "/names/", file));
    if (!image && image.error().kind == Kind::kNotFound) continue;  // removed meanwhile
    if (!image) return Failure(std::move(image).error());
    out.push_back(std::move(*image));
  }
  return out;
}

Reference stored_as(Reference name) {
  // A name without a registry is this host's own.
  if (name.is_short()) name.registry = "localhost";
  return name;
}

}  // namespace

std::string name_file(const Reference& reference) {
  std::string text = stored_as(reference).text();
  std::ranges::replace(text, '/', '!');  // no name has one
  if (text.size() <= kFileNameLimit) return text;
  return cat(text.substr(0, 230), '~', fold(text));
}

Result<NamedImage> read_name_file(const std::string& path) {
  TRY_ASSIGN(std::string text, read_file(path, kNameFileLimit));
  auto image = parse_name(std::move(text), path);
  if (!image) return Failure(within(cat("name of an image ", quote(path)), std::move(image).error()));
  return image;
}

Result<NamedImage> find_name(const Store& store, const Reference& reference) {
  Reference wanted = stored_as(reference);
  for (const std::string& root : store.paths()) {
    auto image = read_name_file(cat(root, "/names/", name_file(wanted)));
    if (image && image->name != wanted)
      return fail(Kind::kState, cat("names ", quote(image->name.text()), " and ", quote(wanted.text()),
                                    " are too long to be told apart"));
    if (image || image.error().kind != Kind::kNotFound) return image;
  }
  return fail(Kind::kNotFound,
              cat("image ", quote(wanted.text()), " is not in the image store ", quote(store.path())));
}

Result<std::vector<NamedImage>> list_names(const Store& store) {
  std::vector<NamedImage> out;
  for (const std::string& root : store.paths()) {
    TRY_ASSIGN(auto names, names_in(root));
    for (NamedImage& image : names) {
      bool hidden = std::ranges::any_of(out, [&](const NamedImage& own) { return own.name == image.name; });
      if (!hidden) out.push_back(std::move(image));
    }
  }
  return out;
}

Result<> derive_index(const Store& store) {
  TRY_ASSIGN(auto names, names_in(store.path()));
  Index index;
  for (NamedImage& image : names) {
    Descriptor& entry = index.manifests.emplace_back(std::move(image.target));
    entry.annotations.insert_or_assign(std::string(kReferenceName), image.name.text());
  }
  std::string text = print_index(index) + "\n";
  if (auto there = read_file_at(store.dir(), "index.json"); there && *there == text) return {};
  return write_durably(store, "index.json", text);
}

Result<> set_name(const Store& store, const NamedImage& image) {
  NamedImage named = image;
  named.name = stored_as(image.name);
  if (named.created == 0) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    named.created = now.tv_sec;
  }
  // A sweep that began before may have taken the target away; one that begins later sees the name.
  TRY_ASSIGN(UniqueFd no_sweep, hold_sweeping_off(store));
  TRY(find_blob(store, named.target.digest));
  TRY_ASSIGN(FileLock lock, FileLock::acquire(store.dir(), "index.lock"));
  if (auto other = find_name(store, named.name); !other && other.error().kind != Kind::kNotFound) TRY(other);
  TRY(write_durably(store, cat("names/", name_file(named.name)), print_name(named)));
  return derive_index(store);
}

Result<> remove_name(const Store& store, const Reference& name) {
  TRY_ASSIGN(FileLock lock, FileLock::acquire(store.dir(), "index.lock"));
  Reference stored = stored_as(name);
  std::string file = cat("names/", name_file(stored));
  if (unlinkat(store.dir(), file.c_str(), 0) != 0) {
    if (errno != ENOENT) return fail_errno(errno, cat("remove ", quote(file)));
    auto shared = find_name(store, stored);
    if (shared)
      return fail(Kind::kState,
                  cat("image ", quote(stored.text()), " is in a shared store, which is not written"));
    return Failure(std::move(shared).error());
  }
  TRY(sync_directory(store, "names"));
  return derive_index(store);
}

Result<std::vector<Reference>> resolve_short_name(const ImagesConfig& config, const Reference& reference) {
  if (!reference.is_short()) return std::vector{reference};
  std::vector<std::string> names;
  if (auto alias = config.aliases.find(reference.repository); alias != config.aliases.end()) {
    names.push_back(alias->second);
  } else {
    for (const std::string& registry : config.search)
      names.push_back(cat(registry, '/', reference.repository));
  }
  std::vector<Reference> out;
  for (const std::string& name : names) {
    TRY_ASSIGN(Reference full, parse_reference(name));
    full.tag = reference.tag;
    full.digest = reference.digest;
    out.push_back(std::move(full));
  }
  if (out.empty())
    return fail(Kind::kNotFound,
                cat("image name ", quote(reference.text()),
                    " has no registry, and the configuration has neither an alias for it nor "
                    "registries to search"));
  return out;
}

}  // namespace shoji::images
