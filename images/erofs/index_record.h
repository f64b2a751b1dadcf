#pragma once
// One entry's attributes, without its path, as bytes of an index.
#include <string_view>

#include "images/erofs/layer_index.h"

namespace shoji::images {

void append_number(std::string& out, uint64_t number);  // LEB128
void append_text(std::string& out, std::string_view text);

// Takes numbers and texts off the front of bytes. After something that is not there every answer is 0 or empty, and
// good() is false.
class RecordBytes {
 public:
  explicit RecordBytes(std::string_view bytes) : rest_(bytes) {}
  uint64_t number();
  std::string_view text();
  std::string_view take(uint64_t bytes);
  [[nodiscard]] size_t left() const { return rest_.size(); }
  [[nodiscard]] bool good() const { return good_; }

 private:
  std::string_view rest_;
  bool good_ = true;
};

void append_attributes(std::string& out, const IndexedEntry& entry);
// Everything of `entry` but its path. False: these are no attributes.
bool parse_attributes(std::string_view bytes, IndexedEntry& entry);

}  // namespace shoji::images
