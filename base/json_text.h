#pragma once
// Small helpers between the JSON parser, its values and the messages about them.
#include <string>
#include <string_view>

namespace shoji {

// Appends `/token` to an RFC 6901 pointer, with `~` and `/` in the token escaped.
void append_pointer_token(std::string& pointer, std::string_view token);

// Appends `text` as a JSON string. What is not UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// `line 3, column 7` of a text for the byte that was read last (counted from 1).
std::string json_position(std::string_view text, size_t byte);

}  // namespace shoji
