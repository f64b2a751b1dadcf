// From what a person types to an image.
#include <algorithm>
#include <functional>

#include "images/store/names.h"
#include "images/store/store.h"

namespace shoji::images {

namespace {

constexpr int kIndexDepth = 4;  // an index in an index; digests make cycles impossible, not long chains
constexpr size_t kPrefixDigits = 4;

bool is_there(const Store& store, const Digest& digest) {
  return find_blob(store, digest).has_value();
}

// The entry for the platform. When nobody asked for a platform (it is the host's) and only others were pulled, one
// that is there.
Result<Descriptor> choose(const Store& store, const Index& index, const Platform& platform) {
  auto best = select_platform(index, platform);
  if (best && is_there(store, best->digest)) return best;
  if (platform == host_platform())
    for (const Descriptor& entry : index.manifests)
      if (entry.platform.os != "unknown" && is_there(store, entry.digest)) return entry;
  if (!best) return best;
  return fail(Kind::kNotFound,
              cat("the manifest for ", platform.text(), ", ", best->digest.text(), ", was not pulled"));
}

Result<> load_manifest(const Store& store, const Platform& platform, Image& image) {
  Descriptor at = image.target;
  for (int depth = 0; depth < kIndexDepth; ++depth) {
    TRY_ASSIGN(std::string text, read_blob(store, at.digest, kManifestLimit));
    TRY_ASSIGN(AnyManifest any, parse_manifest(text, at.media_type));
    if (auto* manifest = std::get_if<Manifest>(&any)) {
      image.manifest_descriptor = std::move(at);
      image.manifest = std::move(*manifest);
      return {};
    }
    TRY_ASSIGN(at, choose(store, std::get<Index>(any), platform));
  }
  return fail(Kind::kInvalid, cat("indexes are nested deeper than ", kIndexDepth, " levels"));
}

Result<> load_image(const Store& store, const Platform& platform, Image& image) {
  TRY(load_manifest(store, platform, image));
  TRY_ASSIGN(std::string text, read_blob(store, image.id(), kConfigLimit));
  TRY_ASSIGN(image.config, parse_image_config(text));
  if (image.config.diff_ids.size() != image.manifest.layers.size())
    return fail(Kind::kInvalid, cat("the manifest has ", image.manifest.layers.size(),
                                    " layers and the configuration ", image.config.diff_ids.size()));
  return {};
}

Result<Image> image_of(const Store& store, const NamedImage& named, const Platform& platform) {
  Image image;
  image.names.push_back(named.name);
  image.target = named.target;
  auto loaded = load_image(store, platform, image);
  if (!loaded) return Failure(within(cat("image ", quote(named.name.text())), std::move(loaded).error()));
  return image;
}

Failure not_there(const Store& store, std::string_view text) {
  return fail(Kind::kNotFound,
              cat("image ", quote(text), " is not in the image store ", quote(store.path())));
}

// name@digest, where the digest may also be known under a tag or, of one platform's manifest, inside an index.
Result<Image> find_pinned(const Store& store, const Reference& reference, const Platform& platform) {
  TRY_ASSIGN(auto names, list_names(store));
  for (const NamedImage& named : names) {
    if (named.name.name() != reference.name()) continue;
    if (!reference.tag.empty() && !named.name.tag.empty() && named.name.tag != reference.tag) continue;
    if (named.target.digest == reference.digest) return image_of(store, named, platform);
    auto image = image_of(store, named, platform);
    if (image && image->manifest_descriptor.digest == reference.digest) return image;
  }
  return not_there(store, reference.text());
}

Result<Image> find_full_name(const Store& store, const Reference& reference, const Platform& platform) {
  auto named = find_name(store, reference);
  if (named) return image_of(store, *named, platform);
  if (named.error().kind != Kind::kNotFound) return Failure(std::move(named).error());
  if (!reference.digest.empty()) return find_pinned(store, reference, platform);
  return not_there(store, reference.text());
}

Result<Image> find_by_name(const Store& store, const Reference& reference, const Platform& platform) {
  if (!reference.is_short()) return find_full_name(store, reference, platform);
  Reference local = reference;
  local.registry = "localhost";
  std::vector<Reference> candidates{local};
  if (auto resolved = resolve_short_name(store.config(), reference))
    candidates.insert(candidates.end(), resolved->begin(), resolved->end());
  for (const Reference& candidate : candidates) {
    auto image = find_full_name(store, candidate, platform);
    if (image || image.error().kind != Kind::kNotFound) return image;
    if (find_name(store, candidate)) return image;  // the name is there, something of the image is not
  }
  return not_there(store, reference.text());
}

// By the digest of what a name points at, of the platform's manifest or of the configuration.
Result<Image> find_by_digest(const Store& store, const Digest& digest, const Platform& platform) {
  TRY_ASSIGN(auto images, list_images(store));
  for (const Image& image : images)
    if (image.target.digest == digest || image.manifest_descriptor.digest == digest || image.id() == digest)
      return image;
  auto text = read_blob(store, digest, kManifestLimit);
  if (!text) return not_there(store, digest.text());
  if (!parse_manifest(*text, "")) return not_there(store, digest.text());
  Image image;
  image.target.digest = digest;
  image.target.size = text->size();
  TRY_ASSIGN(AnyManifest any, parse_manifest(*text, ""));
  image.target.media_type = std::visit([](const auto& one) { return one.media_type; }, any);
  auto loaded = load_image(store, platform, image);
  if (!loaded) return Failure(within(cat("image ", digest.text()), std::move(loaded).error()));
  return image;
}

bool is_prefix(std::string_view text) {
  return text.size() >= kPrefixDigits && text.size() <= 128 &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<Image> find_by_prefix(const Store& store, std::string_view prefix) {
  TRY_ASSIGN(auto images, list_images(store));
  const Image* found = nullptr;
  for (const Image& image : images) {
    if (!image.id().hex().starts_with(prefix) || (found != nullptr && found->id() == image.id())) continue;
    if (found != nullptr)
      return fail(Kind::kInvalid, cat("image ", quote(prefix), " may be ", found->id().short_text(), " or ",
                                      image.id().short_text()));
    found = &image;
  }
  if (found == nullptr) return not_there(store, prefix);
  return *found;
}

}  // namespace

Result<Image> find_image(const Store& store, std::string_view text, const Platform& platform) {
  if (auto digest = Digest::parse(text)) return find_by_digest(store, *digest, platform);
  auto reference = parse_reference(text);
  if (reference) {
    auto image = find_by_name(store, *reference, platform);
    if (image || image.error().kind != Kind::kNotFound || !is_prefix(text)) return image;
  }
  if (is_prefix(text)) return find_by_prefix(store, text);
  return Failure(std::move(reference).error());
}

Result<std::vector<Image>> list_images(const Store& store) {
  TRY_ASSIGN(auto names, list_names(store));
  std::vector<Image> out;
  for (const NamedImage& named : names) {
    auto same = std::ranges::find_if(
        out, [&](const Image& image) { return image.target.digest == named.target.digest; });
    if (same != out.end()) {
      same->names.push_back(named.name);
      continue;
    }
    Image image;
    image.names.push_back(named.name);
    image.target = named.target;
    // One broken image does not hide the others; verify says what is wrong with it.
    if (auto loaded = load_image(store, host_platform(), image); !loaded) {
      image.manifest = {};
      image.config = {};
    }
    out.push_back(std::move(image));
  }
  return out;
}

}  // namespace shoji::images
