#pragma once
// What must stay: everything that names, roots and living leases reach.
#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "images/store/store.h"

namespace shoji::images {

// Digests of blobs and of unpacked layers alike.
struct Marks {
  std::set<Digest> digests;
  std::set<Digest> configs;  // those among them that are configurations of images
  [[nodiscard]] bool has(const Digest& digest) const { return digests.contains(digest); }
};

// A manifest or index, what it lists, and the layers that its configuration names. What is not there is marked all the
// same and not an error: one platform of an index is enough. A document that cannot be read is an error.
Result<> mark_image(const Store& store, const Descriptor& target, Marks& marks);
// Something of which only the digest is known: followed when it is a manifest, an index or a configuration.
Result<> mark_anything(const Store& store, const Digest& digest, Marks& marks);

// Every digest that roots/*/facts.json mention, and those of images that are mounted in this mount namespace without a
// root.
Result<std::set<Digest>> digests_of_roots(const Store& store);
// What living leases hold. Under sweep.lock.
struct Leases {
  std::set<Digest> held;
  // Since when the oldest one lives. What its verb made since then it may not have held yet: the digest of a new blob is
  // known only when it is there.
  std::optional<int64_t> oldest;
  std::vector<std::string> dead;  // names in leases/
};
Result<Leases> read_leases(const Store& store);

// Objects, by sha256, as 32 bytes each.
class ObjectMarks {
 public:
  void add(std::string_view hex);
  void sort();  // after the last add, before the first has
  [[nodiscard]] bool has(std::string_view hex) const;

 private:
  using Key = std::array<unsigned char, 32>;
  static bool parse(std::string_view hex, Key& key);
  std::vector<Key> keys_;
};

}  // namespace shoji::images
