#pragma once
// JSON (RFC 8259): a read-only document parsed into one arena, and a writer that prints in order.
// base/json.cc is the only file that includes nlohmann/json.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace shoji {

// A value inside a JsonDocument; valid as long as the document lives. Cheap to copy.
class Json {
 public:
  enum class Type : uint8_t { kNull, kBool, kInteger, kUnsigned, kReal, kString, kArray, kObject };
  // A piece of the document's text; offsets instead of pointers keep a node at half a cache line.
  struct Span {
    uint32_t begin;
    uint32_t size;
  };
  struct Node {
    Span key{};                 // of a member of an object
    uint32_t next_sibling = 0;  // 0: none
    uint32_t parent = 0;
    union {
      uint64_t natural = 0;  // kUnsigned
      int64_t integer;       // kInteger: negative numbers only
      double real;
      bool boolean;
      Span text;  // kString: the characters; kArray and kObject: the source
    };
    uint32_t size = 0;  // members of an array or object; the first one is the node after this one
    Type type = Type::kNull;
  };
  struct Arena {
    std::string text;       // the source
    std::string unescaped;  // keys and strings that have escapes; its offsets go on where those of `text` end
    std::vector<Node> nodes;  // [0] is unused, [1] the document, members in the order of the source
    [[nodiscard]] std::string_view view(Span span) const {
      return span.begin < text.size()
                 ? std::string_view(text).substr(span.begin, span.size)
                 : std::string_view(unescaped).substr(span.begin - text.size(), span.size);
    }
  };

  Json() = default;
  Json(const Arena* arena, uint32_t index) : arena_(arena), index_(index) {}

  [[nodiscard]] bool exists() const { return arena_ != nullptr; }
  [[nodiscard]] Type type() const { return node().type; }
  [[nodiscard]] std::string_view type_name() const;  // "a string", "an object", "null", ... for messages
  [[nodiscard]] bool is_object() const { return exists() && type() == Type::kObject; }
  [[nodiscard]] bool is_array() const { return exists() && type() == Type::kArray; }
  [[nodiscard]] bool is_string() const { return exists() && type() == Type::kString; }
  [[nodiscard]] bool is_null() const { return exists() && type() == Type::kNull; }
  // Members of an array or object, 0 for others.
  [[nodiscard]] uint32_t size() const { return node().size; }
  [[nodiscard]] std::string_view key() const { return arena_->view(node().key); }
  [[nodiscard]] const Node& node() const { return arena_->nodes[index_]; }

  // First member / next member, a non-existing Json at the end. Works for arrays and objects:
  //   for (Json m = object.first(); m.exists(); m = m.next())
  [[nodiscard]] Json first() const { return node().size == 0 ? Json() : Json(arena_, index_ + 1); }
  [[nodiscard]] Json next() const {
    return node().next_sibling == 0 ? Json() : Json(arena_, node().next_sibling);
  }
  // The member of an object, or a non-existing Json. With duplicate keys the last one counts, as in runc.
  [[nodiscard]] Json find(std::string_view key) const;

  // Typed reads; the error names the JSON pointer and what was found instead.
  [[nodiscard]] Result<bool> as_bool() const;
  [[nodiscard]] Result<int64_t> as_int64() const;
  [[nodiscard]] Result<uint64_t> as_uint64() const;
  [[nodiscard]] Result<double> as_double() const;
  [[nodiscard]] Result<std::string_view> as_string() const;
  // The text of an object or array as written in the source, empty for others.
  [[nodiscard]] std::string_view source() const;
  // RFC 6901 pointer of this value, "" for the document itself.
  [[nodiscard]] std::string pointer() const;
  // `/process/cwd: expected a string, found an integer`, for readers of their own.
  [[nodiscard]] Failure unexpected(std::string_view expected) const;

 private:
  const Arena* arena_ = nullptr;
  uint32_t index_ = 0;
};

class JsonDocument {
 public:
  // Parses the whole text. The error names line, column and the JSON pointer reached. `name` (a file name)
  // opens the message. Nesting deeper than 200 levels and texts over 1 GiB are refused.
  static Result<JsonDocument> parse(std::string text, std::string_view name);
  [[nodiscard]] Json root() const { return Json(arena_.get(), 1); }

 private:
  JsonDocument() = default;
  std::unique_ptr<Json::Arena> arena_;
};

// Prints JSON in call order. Nothing checks the nesting but the caller's tests.
//   JsonWriter w; w.begin_object(); w.key("a").value(1); w.end_object(); w.take()
class JsonWriter {
 public:
  enum class Style : uint8_t { kCompact, kIndented };  // kIndented: two spaces
  explicit JsonWriter(Style style = Style::kCompact) : style_(style) {}
  JsonWriter& begin_object() { return begin('{'); }
  JsonWriter& end_object() { return end('}'); }
  JsonWriter& begin_array() { return begin('['); }
  JsonWriter& end_array() { return end(']'); }
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth);
  JsonWriter& value(int64_t number);
  JsonWriter& value(uint64_t number);
  JsonWriter& value(int number) { return value(static_cast<int64_t>(number)); }
  JsonWriter& value(uint32_t number) { return value(static_cast<uint64_t>(number)); }
  JsonWriter& value(double number);
  JsonWriter& null();
  JsonWriter& raw(std::string_view json);  // an already printed value
  template <typename T>
  JsonWriter& member(std::string_view name, const T& v) {
    return key(name).value(v);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  JsonWriter& begin(char bracket);
  JsonWriter& end(char bracket);
  void before_value();
  void newline();
  std::string out_;
  Style style_;
  std::vector<bool> has_members_;
  bool after_key_ = false;
};

}  // namespace shoji
