#pragma once
// Names of images: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`, by the grammar of the distribution project's references.
#include <string>
#include <string_view>

#include "base/error.h"
#include "images/store/digest.h"

namespace shoji::images {

struct Reference {
  std::string
      registry;  // "registry.example:5000"; empty: a short name, which only the configuration resolves
  std::string repository;  // "library/nginx"
  std::string tag;         // empty only when there is a digest
  Digest digest;           // empty: not pinned

  [[nodiscard]] bool is_short() const { return registry.empty(); }
  [[nodiscard]] std::string name() const;  // without tag and digest
  [[nodiscard]] std::string text() const;  // canonical
  bool operator==(const Reference&) const = default;
};

// The first component is a registry when it is "localhost" or has a dot or a colon. Without tag and digest the tag is
// "latest". At most 255 characters of name and 128 of tag; upper-case letters only in tags and registries.
Result<Reference> parse_reference(std::string_view text);

}  // namespace shoji::images
