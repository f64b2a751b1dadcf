#pragma once
// How tables of properties are loaded. One Row per property names the JSON property and the member of the
// struct it goes to; what the value must be follows from the member's type.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "spec/names.h"

namespace shoji::field_table {

struct Row {
  std::string_view name;
  Result<> (*load)(Json value, void* object) = nullptr;  // null: the property is known and refused
  bool required = false;
  std::string_view refusal = {};  // why, for a refused one
};

// What happens to a property without a row. config.md: "Runtimes MUST ignore unknown properties". Our own documents refuse
// them, but for comments: names that begin with `//`.
enum class Unknown : uint8_t { kIgnore, kRefuse };

// Walks the members of an object once. null counts as absent, as in runc. At most 64 rows.
Result<> load_object(Json value, std::span<const Row> rows, void* object, Unknown unknown = Unknown::kIgnore);

// Scalars. A string with a NUL character is refused: the kernel would see its first half only.
Result<> read(Json value, bool& out);
Result<> read(Json value, std::string& out);
Result<> read(Json value, std::vector<std::string>& out);
// An object of strings, in the order of the document; empty keys are refused.
using StringMap = std::vector<std::pair<std::string, std::string>>;
Result<> read(Json value, StringMap& out);
Result<int64_t> read_signed(Json value, int64_t least, int64_t greatest);
Result<uint64_t> read_unsigned(Json value, uint64_t greatest);
Result<> expect_object(Json value);
Result<> expect_array(Json value);
Result<> check_key(Json member);  // no NUL, not empty

template <std::signed_integral T>
Result<> read(Json value, T& out) {
  TRY_ASSIGN(out, read_signed(value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  return {};
}

template <std::unsigned_integral T>
Result<> read(Json value, T& out) {
  TRY_ASSIGN(out, read_unsigned(value, std::numeric_limits<T>::max()));
  return {};
}

template <typename T>
Result<> read(Json value, std::optional<T>& out) {
  return read(value, out.emplace());
}

template <typename T>
Result<> read(Json value, std::vector<T>& out) {
  TRY(expect_array(value));
  out.clear();
  out.reserve(value.size());
  for (Json item = value.first(); item.exists(); item = item.next()) TRY(read(item, out.emplace_back()));
  return {};
}

// Drops what a later element with the same key replaces, for objects with free keys: "last wins" as for
// properties.
template <typename T>
void keep_last(std::vector<T>& items, std::string T::* key) {
  std::vector<uint32_t> order(items.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, [&](uint32_t a, uint32_t b) {
    int compared = (items[a].*key).compare(items[b].*key);
    return compared != 0 ? compared < 0 : a < b;
  });
  std::vector<bool> dropped(items.size());
  bool any = false;
  for (size_t i = 1; i < order.size(); ++i) {
    if (items[order[i - 1]].*key == items[order[i]].*key) any = dropped[order[i - 1]] = true;
  }
  size_t position = 0;
  if (any) std::erase_if(items, [&](const T&) { return dropped[position++]; });
}

// The name itself when it is one of the table's, an error that lists the table otherwise.
Result<> read_name(Json value, NameTable names, std::string& out);
Result<> read_name(Json value, NameTable names, std::vector<std::string>& out);

template <auto Member>
struct MemberOf;
template <typename Object, typename T, T Object::* Member>
struct MemberOf<Member> {
  static T& get(void* object) { return static_cast<Object*>(object)->*Member; }
};

enum class Need : bool { kOptional, kRequired };
using enum Need;

// A property that goes to a member as it is.
template <auto Member>
constexpr Row field(std::string_view name, Need need = kOptional) {
  return {name, [](Json value, void* object) { return read(value, MemberOf<Member>::get(object)); },
          need == kRequired};
}

// A string, or an array of strings, from a table of spec/names.h.
template <auto Member, NameTable (*Names)()>
constexpr Row name_field(std::string_view name, Need need = kOptional) {
  return {name,
          [](Json value, void* object) { return read_name(value, Names(), MemberOf<Member>::get(object)); },
          need == kRequired};
}

// An object whose properties go to members of the struct that has it.
template <const auto& Rows, Unknown IfUnknown = Unknown::kIgnore>
constexpr Row nested(std::string_view name) {
  return {name, [](Json value, void* object) { return load_object(value, Rows, object, IfUnknown); }};
}

// A property of the specification that this runtime does not provide. `why` goes on after the property's
// pointer.
constexpr Row refused(std::string_view name, std::string_view why) {
  return {name, nullptr, false, why};
}

}  // namespace shoji::field_table
