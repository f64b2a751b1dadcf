#pragma once
// A JSON value that a test can change: parsed, broken at one pointer, printed.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "tests/catch.h"

namespace shoji {

struct JsonMember;

struct JsonTree {
  Json::Type type = Json::Type::kNull;
  std::string scalar;               // the text of a string, the printed form of others
  std::vector<JsonMember> members;  // of objects, and of arrays with empty names

  static JsonTree string(std::string text);
  static JsonTree raw(std::string printed);
  static JsonTree from(Json value);
  static JsonTree parse(std::string text);
  void write(JsonWriter& w) const;
  [[nodiscard]] std::string print() const;
  // The member at a pointer template of the property table ("[]": the first element, "<...>": the first member), or
  // null. `real` receives the pointer with the names and numbers that were met.
  JsonTree* at(std::string_view pointer, std::string& real);
  JsonTree* at(std::string_view pointer);
  void remove(std::string_view pointer);
};

struct JsonMember {
  std::string name;
  JsonTree value;
};

inline JsonTree JsonTree::string(std::string text) {
  return {Json::Type::kString, std::move(text), {}};
}
inline JsonTree JsonTree::raw(std::string printed) {
  return {Json::Type::kUnsigned, std::move(printed), {}};
}

inline JsonTree JsonTree::from(Json value) {
  JsonTree tree{value.type(), {}, {}};
  JsonWriter w;
  switch (value.type()) {
    case Json::Type::kNull:
      tree.scalar = "null";
      break;
    case Json::Type::kBool:
      tree.scalar = *value.as_bool() ? "true" : "false";
      break;
    case Json::Type::kInteger:
      tree.scalar = std::to_string(*value.as_int64());
      break;
    case Json::Type::kUnsigned:
      tree.scalar = std::to_string(*value.as_uint64());
      break;
    case Json::Type::kReal:
      tree.scalar = w.value(*value.as_double()).take();
      break;
    case Json::Type::kString:
      tree.scalar = *value.as_string();
      break;
    default:
      for (Json m = value.first(); m.exists(); m = m.next())
        tree.members.push_back({std::string(m.key()), from(m)});
  }
  return tree;
}

inline JsonTree JsonTree::parse(std::string text) {
  auto document = JsonDocument::parse(std::move(text), "test");
  REQUIRE(document);
  return from(document->root());
}

inline void JsonTree::write(JsonWriter& w) const {
  if (type == Json::Type::kString) {
    w.value(std::string_view(scalar));
  } else if (type == Json::Type::kArray) {
    w.begin_array();
    for (const auto& [name, member] : members) member.write(w);
    w.end_array();
  } else if (type == Json::Type::kObject) {
    w.begin_object();
    for (const auto& [name, member] : members) member.write(w.key(name));
    w.end_object();
  } else {
    w.raw(scalar);
  }
}

inline std::string JsonTree::print() const {
  JsonWriter w;
  write(w);
  return w.take();
}

inline JsonTree* JsonTree::at(std::string_view pointer, std::string& real) {
  if (pointer.empty()) return this;
  pointer.remove_prefix(1);
  std::string_view token = pointer.substr(0, pointer.find('/'));
  pointer.remove_prefix(token.size());
  for (size_t i = 0; i < members.size(); ++i) {
    bool any = token == "[]" || token.starts_with('<');
    std::string name = type == Json::Type::kArray ? std::to_string(i) : members[i].name;
    if (!any && name != token) continue;
    real += cat('/', name);
    return members[i].value.at(pointer, real);
  }
  return nullptr;
}

inline JsonTree* JsonTree::at(std::string_view pointer) {
  std::string real;
  return at(pointer, real);
}

inline void JsonTree::remove(std::string_view pointer) {
  size_t slash = pointer.rfind('/');
  JsonTree* parent = at(pointer.substr(0, slash));
  REQUIRE(parent != nullptr);
  REQUIRE(std::erase_if(parent->members,
                        [&](const auto& m) { return m.name == pointer.substr(slash + 1); }) == 1);
}

}  // namespace shoji
