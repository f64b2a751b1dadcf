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
  struct Node {
    Type type = Type::kNull;
    bool boolean = false;
    uint32_t size = 0;          // members of an array or object
    uint32_t first_child = 0;   // index of the first member, 0: none
    uint32_t next_sibling = 0;  // 0: none
    uint32_t parent = 0;
    uint32_t begin = 0;         // where the value's text starts in the source
    uint32_t end = 0;           // one past its end (for objects, arrays and strings; equal to begin otherwise)
    std::string_view key;       // for a member of an object
    std::string_view string;
    union {
      int64_t integer = 0;      // kInteger: negative numbers only
      uint64_t natural;         // kUnsigned
      double real;
    };
  };

  Json() = default;
  Json(const std::vector<Node>* nodes, uint32_t index) : nodes_(nodes), index_(index) {}

  [[nodiscard]] bool exists() const { return nodes_ != nullptr; }
  [[nodiscard]] Type type() const { return node().type; }
  [[nodiscard]] std::string_view type_name() const;  // "string", "object", "integer", ... for messages
  [[nodiscard]] bool is_object() const { return exists() && type() == Type::kObject; }
  [[nodiscard]] bool is_array() const { return exists() && type() == Type::kArray; }
  [[nodiscard]] bool is_string() const { return exists() && type() == Type::kString; }
  [[nodiscard]] bool is_null() const { return exists() && type() == Type::kNull; }
  [[nodiscard]] uint32_t size() const { return node().size; }
  [[nodiscard]] std::string_view key() const { return node().key; }
  [[nodiscard]] const Node& node() const { return (*nodes_)[index_]; }

  // First member / next member, a non-existing Json at the end. Works for arrays and objects:
  //   for (Json m = object.first(); m.exists(); m = m.next())
  [[nodiscard]] Json first() const { return at(node().first_child); }
  [[nodiscard]] Json next() const { return at(node().next_sibling); }
  // The member of an object, or a non-existing Json. With duplicate keys the last one counts, as in runc.
  [[nodiscard]] Json find(std::string_view key) const;

  // Typed reads; the error names the JSON pointer and what was found instead.
  [[nodiscard]] Result<bool> as_bool() const;
  [[nodiscard]] Result<int64_t> as_int64() const;
  [[nodiscard]] Result<uint64_t> as_uint64() const;
  [[nodiscard]] Result<double> as_double() const;
  [[nodiscard]] Result<std::string_view> as_string() const;
  // RFC 6901 pointer of this value, "" for the document itself.
  [[nodiscard]] std::string pointer() const;

 private:
  [[nodiscard]] Json at(uint32_t index) const { return index == 0 ? Json() : Json(nodes_, index); }
  const std::vector<Node>* nodes_ = nullptr;
  uint32_t index_ = 0;
};

class JsonDocument {
 public:
  // Parses the whole text. The error names line, column and the JSON pointer reached. `name` (a file name) opens
  // the message. Nesting deeper than 200 levels and texts over 1 GiB are refused.
  static Result<JsonDocument> parse(std::string text, std::string_view name);
  [[nodiscard]] Json root() const { return Json(&nodes_, 1); }
  // The source text of a value (objects and arrays), as written in the file.
  [[nodiscard]] std::string_view source(const Json& value) const;

  JsonDocument(JsonDocument&&) noexcept = default;
  JsonDocument& operator=(JsonDocument&&) noexcept = default;

 private:
  friend class JsonBuilder;
  JsonDocument() = default;
  std::unique_ptr<std::string> text_;
  std::vector<Json::Node> nodes_;                      // [0] is unused
  std::vector<std::unique_ptr<char[]>> unescaped_;     // backing of keys and strings
};

// Prints JSON in call order. Nothing checks the nesting but the caller's tests.
//   JsonWriter w; w.begin_object(); w.key("a").value(1); w.end_object(); w.take()
class JsonWriter {
 public:
  enum class Style : uint8_t { kCompact, kIndented };  // kIndented: two spaces
  explicit JsonWriter(Style style = Style::kCompact) : style_(style) {}
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
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
  void before_value();
  void newline();
  std::string out_;
  Style style_;
  std::vector<bool> has_members_;
  bool after_key_ = false;
};

}  // namespace shoji
