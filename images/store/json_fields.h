#pragma once
// Members of image documents: optional ones may be absent or null (as Go's encoders print them), types are strict.
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "images/store/manifest.h"

namespace shoji::images::fields {

// The member, or a non-existing Json when it is absent or null.
Json optional(Json object, std::string_view key);
Result<> read(Json object, std::string_view key, std::string& out);
Result<> read(Json object, std::string_view key, bool& out);
Result<> read(Json object, std::string_view key, uint64_t& out);
Result<> read(Json object, std::string_view key, std::vector<std::string>& out);
Result<> read(Json object, std::string_view key, Annotations& out);
// {"80/tcp": {}}, Go's sets
Result<> read_set(Json object, std::string_view key, std::vector<std::string>& out);
Result<> read(Json object, std::string_view key, Digest& out);

Result<Descriptor> read_descriptor(Json value);
void print_descriptor(JsonWriter& out, const Descriptor& descriptor);
void print(JsonWriter& out, std::string_view key,
           const Annotations& annotations);                                // nothing when it is empty
void print(JsonWriter& out, std::string_view key, std::string_view text);  // nothing when it is empty
void print(JsonWriter& out, std::string_view key, const std::vector<std::string>& list);  // likewise

}  // namespace shoji::images::fields
