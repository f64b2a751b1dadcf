#include "images/transfer/remote_image.h"

#include "images/blobs/hash.h"

namespace shoji::images {
namespace {

constexpr int kIndexDepth = 4;            // indexes in indexes
constexpr size_t kTextsLimit = 24 << 20;  // of all manifests and configurations that one name leads to

class Finder {
 public:
  Finder(const Store& store, Repository& repository, const PullOptions& options, Lease& held)
      : store_(&store), repository_(&repository), options_(&options), held_(&held) {}

  Result<RemoteImage> find(const Reference& name) {
    TRY_ASSIGN(RemoteText top, first(name));
    image_.target = top.descriptor;
    TRY(visit(std::move(top), 0, true));
    return std::move(image_);
  }

 private:
  Result<RemoteText> first(const Reference& name) {
    if (!name.digest.empty()) {
      Descriptor wanted;
      wanted.digest = name.digest;
      return manifest(wanted);
    }
    TRY_ASSIGN(FetchedManifest fetched, repository_->manifest(name.tag));
    TRY(held_->hold(fetched.digest));
    RemoteText text;
    text.descriptor.media_type = std::move(fetched.media_type);
    text.descriptor.digest = fetched.digest;
    text.descriptor.size = fetched.text.size();
    text.text = std::move(fetched.text);
    return text;
  }

  // The manifest that `wanted` describes; its size and media type may be unknown.
  Result<RemoteText> manifest(const Descriptor& wanted) {
    TRY(held_->hold(wanted.digest));
    RemoteText text{.descriptor = wanted, .text = {}};
    if (Result<std::string> stored = read_blob(*store_, wanted.digest, kManifestLimit); stored) {
      text.text = std::move(*stored);
    } else {
      TRY_ASSIGN(FetchedManifest fetched, repository_->manifest(wanted.digest.text()));
      text.text = std::move(fetched.text);
      if (wanted.media_type.empty()) text.descriptor.media_type = std::move(fetched.media_type);
    }
    TRY(check(text));
    return text;
  }

  static Result<> check(RemoteText& text) {
    const Descriptor& wanted = text.descriptor;
    if (wanted.size != 0 && wanted.size != text.text.size()) {
      return fail(Kind::kInvalid, cat(wanted.digest.text(), " has ", text.text.size(),
                                      " bytes where its descriptor says ", wanted.size));
    }
    Digest real = digest_of(text.text, wanted.digest.algorithm());
    if (real != wanted.digest) {
      return fail(Kind::kInvalid,
                  cat("the registry sent ", real.text(), " where ", wanted.digest.text(), " was asked for"));
    }
    text.descriptor.size = text.text.size();
    return {};
  }

  // `wanted`: this is on the way to the image for the platform; else it is only to be there.
  Result<> visit(RemoteText text, int depth, bool wanted) {
    total_ += text.text.size();
    if (total_ > kTextsLimit)
      return fail(Kind::kInvalid, "its manifests are larger than a registry takes them");
    TRY_ASSIGN(AnyManifest any, parse_manifest(text.text, text.descriptor.media_type));
    Descriptor descriptor = text.descriptor;
    image_.texts.push_back(std::move(text));
    if (const auto* index = std::get_if<Index>(&any)) return visit_index(*index, depth, wanted);
    return visit_manifest(std::get<Manifest>(any), descriptor, wanted);
  }

  Result<> visit_index(const Index& index, int depth, bool wanted) {
    // Digests make cycles impossible; a chain of indexes is still work for nothing.
    if (depth == kIndexDepth)
      return fail(Kind::kInvalid, cat("its indexes are nested more than ", kIndexDepth, " deep"));
    Digest selected;
    if (wanted) {
      TRY_ASSIGN(Descriptor entry, select_platform(index, options_->platform));
      selected = entry.digest;
      TRY_ASSIGN(RemoteText text, manifest(entry));
      TRY(visit(std::move(text), depth + 1, true));
    }
    if (!options_->all_platforms) return {};
    for (const Descriptor& entry : index.manifests) {
      if (entry.digest == selected) continue;
      TRY_ASSIGN(RemoteText text, manifest(entry));
      TRY(visit(std::move(text), depth + 1, false));
    }
    return {};
  }

  Result<> visit_manifest(const Manifest& found, const Descriptor& descriptor, bool wanted) {
    if (!wanted) {
      image_.other_blobs.push_back(found.config);
      for (const Descriptor& layer : found.layers) image_.other_blobs.push_back(layer);
      return {};
    }
    if (found.config.media_type != media_type::kOciConfig &&
        found.config.media_type != media_type::kDockerConfig) {
      return fail(Kind::kUnsupported,
                  cat(descriptor.digest.text(), " is no image: its configuration is of type ",
                      quote(found.config.media_type)));
    }
    TRY_ASSIGN(RemoteText text, config(found.config));
    TRY_ASSIGN(image_.config, parse_image_config(text.text));
    image_.texts.push_back(std::move(text));
    if (image_.config.diff_ids.size() != found.layers.size()) {
      return fail(Kind::kInvalid, cat("the manifest has ", found.layers.size(),
                                      " layers and the configuration ", image_.config.diff_ids.size()));
    }
    for (const Descriptor& layer : found.layers) {
      TRY(layer_compression(layer.media_type));
      if (layer.size == 0)
        return fail(Kind::kInvalid, cat("layer ", layer.digest.text(), " is said to have no bytes"));
    }
    image_.manifest = found;
    image_.manifest_descriptor = descriptor;
    return {};
  }

  Result<RemoteText> config(const Descriptor& wanted) {
    if (wanted.size > kConfigLimit) {
      return fail(Kind::kInvalid,
                  cat("its configuration has ", wanted.size, " bytes; at most ", kConfigLimit, " are read"));
    }
    TRY(held_->hold(wanted.digest));
    RemoteText text{.descriptor = wanted, .text = {}};
    if (Result<std::string> stored = read_blob(*store_, wanted.digest, kConfigLimit); stored) {
      text.text = std::move(*stored);
    } else {
      auto receive = [&](std::span<const char> piece) -> Result<> {
        if (text.text.size() + piece.size() > wanted.size) {
          return fail(Kind::kInvalid, cat("the registry sent more than the ", wanted.size, " bytes of ",
                                          wanted.digest.text()));
        }
        text.text.append(piece.data(), piece.size());
        return {};
      };
      TRY(repository_->blob(wanted, 0, receive, [&]() -> Result<> {
        text.text.clear();
        return {};
      }));
    }
    TRY(check(text));
    return text;
  }

  const Store* store_;
  Repository* repository_;
  const PullOptions* options_;
  Lease* held_;
  RemoteImage image_;
  size_t total_ = 0;
};

}  // namespace

Result<RemoteImage> find_remote_image(const Store& store, Repository& repository, const Reference& name,
                                      const PullOptions& options, Lease& held) {
  return Finder(store, repository, options, held).find(name);
}

}  // namespace shoji::images
