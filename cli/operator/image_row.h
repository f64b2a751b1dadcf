#pragma once
// An image as a row of a listing.
#include <optional>
#include <vector>

#include "cli/table.h"
#include "images/store/store.h"

namespace shoji::cli::op {

struct ImageRow {
  images::Reference name;              // empty: it has none
  images::Descriptor target;           // what the name points at
  std::string source;                  // where it came from
  int64_t added = 0;                   // when the name was set
  std::optional<images::Image> image;  // absent: nothing in it is for this host
  uint64_t size = 0;                   // as it is stored: manifest, configuration, layers
};

uint64_t stored_size(const images::Image& image);
// One row for each name, in the order of the names, then images without a name if `all`.
Result<std::vector<ImageRow>> image_rows(const images::Store& store, bool all);

std::span<const Column> image_columns();

}  // namespace shoji::cli::op
