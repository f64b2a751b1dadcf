// Reading the values of a parsed document.
#include <limits>

#include "base/json.h"
#include "base/json_text.h"

namespace shoji {

void append_pointer_token(std::string& pointer, std::string_view token) {
  pointer += '/';
  for (char c : token) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      pointer += '?';  // a key is input: it must not break the message's line
    } else {
      pointer += c;
    }
  }
}

std::string json_position(std::string_view text, size_t byte) {
  size_t line = 1;
  size_t line_begin = 0;
  size_t last = byte == 0 ? 0 : std::min(byte - 1, text.size());
  for (size_t i = 0; i < last; ++i) {
    if (text[i] == '\n') {
      ++line;
      line_begin = i + 1;
    }
  }
  return cat("line ", line, ", column ", last - line_begin + 1);
}

std::string_view Json::type_name() const {
  if (!exists()) return "nothing";
  switch (type()) {
    case Type::kNull:
      return "null";
    case Type::kBool:
      return "a boolean";
    case Type::kInteger:
    case Type::kUnsigned:
      return "an integer";
    case Type::kReal:
      return "a real number";
    case Type::kString:
      return "a string";
    case Type::kArray:
      return "an array";
    case Type::kObject:
      return "an object";
  }
  return "nothing";
}

Json Json::find(std::string_view name) const {
  Json found;
  if (!is_object()) return found;
  for (Json member = first(); member.exists(); member = member.next()) {
    if (member.key() == name) found = member;
  }
  return found;
}

std::string_view Json::source() const {
  return is_object() || is_array() ? arena_->view(node().text) : std::string_view();
}

std::string Json::pointer() const {
  if (!exists() || node().parent == 0) return {};
  Json container(arena_, node().parent);
  std::string out = container.pointer();  // as deep as the parser's depth limit
  if (container.is_object()) {
    append_pointer_token(out, key());
    return out;
  }
  size_t position = 0;
  for (Json member = container.first(); member.exists() && member.index_ != index_; member = member.next())
    ++position;
  out += cat('/', position);
  return out;
}

Failure Json::unexpected(std::string_view expected) const {
  std::string where = pointer();
  return fail(Kind::kInvalid,
              cat(where.empty() ? "the document" : where, ": expected ", expected, ", found ", type_name()));
}

Result<bool> Json::as_bool() const {
  if (!exists() || type() != Type::kBool) return unexpected("a boolean");
  return node().boolean;
}

Result<int64_t> Json::as_int64() const {
  if (exists() && type() == Type::kInteger) return node().integer;
  if (!exists() || type() != Type::kUnsigned) return unexpected("an integer");
  if (node().natural > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return fail(Kind::kInvalid, cat(pointer(), ": ", node().natural, " is greater than ",
                                    std::numeric_limits<int64_t>::max()));
  }
  return static_cast<int64_t>(node().natural);
}

Result<uint64_t> Json::as_uint64() const {
  if (exists() && type() == Type::kInteger) {
    return fail(Kind::kInvalid, cat(pointer(), ": ", node().integer, " is less than 0"));
  }
  if (!exists() || type() != Type::kUnsigned) return unexpected("an integer");
  return node().natural;
}

Result<double> Json::as_double() const {
  if (exists() && type() == Type::kReal) return node().real;
  if (exists() && type() == Type::kInteger) return static_cast<double>(node().integer);
  if (!exists() || type() != Type::kUnsigned) return unexpected("a number");
  return static_cast<double>(node().natural);
}

Result<std::string_view> Json::as_string() const {
  if (!is_string()) return unexpected("a string");
  return arena_->view(node().text);
}

}  // namespace shoji
