// Every property of the state and features documents is in what we print, with its type and only listed
// words.
#include <algorithm>

#include "spec/features.h"
#include "spec/names.h"
#include "spec/state_doc.h"
#include "tests/spec/json_tree.h"
#include "tests/spec/property_table.h"

using namespace shoji;

namespace {

bool has_type(const JsonTree& value, std::string_view type) {
  switch (value.type) {
    case Json::Type::kString:
      return type == "string";
    case Json::Type::kBool:
      return type == "boolean";
    case Json::Type::kInteger:
    case Json::Type::kUnsigned:
      return type == "integer";
    case Json::Type::kArray:
      return type == "array";
    case Json::Type::kObject:
      return type == "object";
    default:
      return false;
  }
}

void check_words(JsonTree& document, const Property& property) {
  if (property.names.empty()) return;
  bool list = property.pointer.ends_with("/[]");
  JsonTree* value = document.at(property.pointer.substr(0, property.pointer.size() - (list ? 3 : 0)));
  REQUIRE(value != nullptr);
  std::vector<JsonTree> words = {*value};
  if (list) {
    words.clear();
    for (const auto& [name, member] : value->members) words.push_back(member);
  }
  for (const JsonTree& word : words) {
    INFO(cat(property.pointer, " ", word.scalar));
    CHECK(std::ranges::find(property.names, word.scalar) != property.names.end());
  }
}

void check_document(JsonTree document, std::string_view name, std::string_view empty_list = {}) {
  for (const Property& property : properties(name)) {
    INFO(property.pointer);
    if (property.pointer == empty_list) continue;
    JsonTree* value = document.at(property.pointer);
    REQUIRE(value != nullptr);
    CHECK(has_type(*value, property.type));
    check_words(document, property);
  }
}

}  // namespace

TEST_CASE("properties: state documents have theirs") {
  std::vector<std::pair<std::string, std::string>> annotations = {{"k", "v"}};
  StateDocument state{.id = "i", .pid = 1, .status = "running", .bundle = "/b", .annotations = &annotations};
  check_document(JsonTree::parse(print_state(state)), "state");
  check_document(JsonTree::parse(print_hook_state(state)), "state");
}

TEST_CASE("properties: the features document has its own") {
  std::vector<std::string_view> flags;
  for (const NamedNumber& flag : seccomp_flags()) flags.push_back(flag.name);
  // The list of unsafe annotations is there and empty: no annotation changes what the runtime does.
  check_document(
      JsonTree::parse(print_features({.version = "1", .libseccomp_version = "2", .seccomp_flags = flags})),
      "features", "/potentiallyUnsafeConfigAnnotations/[]");
}
