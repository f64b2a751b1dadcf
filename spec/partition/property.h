#pragma once
// Tables of properties that load a struct from JSON and print it again: one row for both directions, so that what is
// printed is read as the same.
#include <array>

#include "base/quantity.h"
#include "spec/field_table.h"

namespace shoji::properties {

// How a member of type T stands in the document.
struct Property {
  field_table::Row row;
  void (*print)(JsonWriter& out, const void* object);
  bool (*differs)(const void* object, const void* defaults);
};

// Specialised for each struct: `static constexpr std::array kRows{...}`.
template <typename Struct>
struct Table;
template <typename T>
concept Tabled = requires { Table<T>::kRows; };

template <typename Struct>
constexpr auto rows_of() {
  std::array<field_table::Row, Table<Struct>::kRows.size()> rows{};
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = Table<Struct>::kRows[i].row;
  return rows;
}

template <Tabled T>
Result<> load(Json value, T& out) {
  static constexpr auto kRows = rows_of<T>();
  out = {};
  return field_table::load_object(value, kRows, &out, field_table::Unknown::kRefuse);
}
template <typename T>
  requires(!Tabled<T>)
Result<> load(Json value, T& out) {
  return field_table::read(value, out);
}
template <Tabled T>
Result<> load(Json value, std::vector<T>& out) {
  TRY(field_table::expect_array(value));
  out.clear();
  for (Json item = value.first(); item.exists(); item = item.next()) TRY(load(item, out.emplace_back()));
  return {};
}

template <Tabled T>
void print(JsonWriter& out, const T& object) {
  static const T defaults{};
  out.begin_object();
  for (const Property& property : Table<T>::kRows) {
    if (!property.row.required && !property.differs(&object, &defaults)) continue;
    out.key(property.row.name);
    property.print(out, &object);
  }
  out.end_object();
}
template <typename T>
  requires(!Tabled<T>)
void print(JsonWriter& out, const T& value) {
  out.value(value);
}
template <typename T>
void print(JsonWriter& out, const std::vector<T>& items) {
  out.begin_array();
  for (const T& item : items) print(out, item);
  out.end_array();
}
inline void print(JsonWriter& out, const field_table::StringMap& map) {
  out.begin_object();
  for (const auto& [key, text] : map) out.member(key, text);
  out.end_object();
}

// A member as its type says.
struct Plain {
  template <typename T>
  static Result<> load(Json value, T& out) {
    return properties::load(value, out);
  }
  template <typename T>
  static void print(JsonWriter& out, const T& value) {
    properties::print(out, value);
  }
};

// A quantity: a text that `Parse` reads, or the number itself.
template <auto Parse, auto Print>
struct Text {
  template <typename T>
  static Result<> load(Json value, T& out) {
    if (!value.is_string()) return field_table::read(value, out);
    TRY_ASSIGN(std::string_view text, value.as_string());
    auto parsed = Parse(text);
    if (!parsed) return fail(parsed.error().kind, cat(value.pointer(), ": ", parsed.error().text));
    out = static_cast<T>(*parsed);
    return {};
  }
  template <typename T>
  static void print(JsonWriter& out, const T& value) {
    out.value(Print(value));
  }
};
using Bytes = Text<parse_size, print_size>;
using Duration = Text<parse_duration, print_duration>;  // a number alone is seconds, too
using Cpus = Text<parse_cpus, print_cpus>;

// One of the names of an enumeration whose values count from 0.
template <auto Name, size_t count>
struct OneOf {
  template <typename T>
  static Result<> load(Json value, T& out) {
    TRY_ASSIGN(std::string_view text, value.as_string());
    std::string list;
    for (size_t i = 0; i < count; ++i) {
      std::string_view name = Name(static_cast<T>(i));
      if (name == text) {
        out = static_cast<T>(i);
        return {};
      }
      list += cat(i == 0 ? "" : i + 1 == count ? " and " : ", ", name);
    }
    return fail(Kind::kInvalid, cat(value.pointer(), ": ", quote(text), " is none of ", list));
  }
  template <typename T>
  static void print(JsonWriter& out, const T& value) {
    out.value(Name(value));
  }
};

// Optional members: absent is absent.
template <typename Codec, typename T>
Result<> load_with(Json value, std::optional<T>& out) {
  return Codec::load(value, out.emplace());
}
template <typename Codec, typename T>
Result<> load_with(Json value, T& out) {
  return Codec::load(value, out);
}
template <typename Codec, typename T>
void print_with(JsonWriter& out, const std::optional<T>& value) {
  if (value) Codec::print(out, *value);
}
template <typename Codec, typename T>
void print_with(JsonWriter& out, const T& value) {
  Codec::print(out, value);
}

template <auto Member>
struct Of;
template <typename Object, typename T, T Object::* Member>
struct Of<Member> {
  static T& in(void* object) { return static_cast<Object*>(object)->*Member; }
  static const T& in(const void* object) { return static_cast<const Object*>(object)->*Member; }
};

template <auto Member, typename Codec = Plain>
constexpr Property property(std::string_view name, bool required = false) {
  return {{name, [](Json value, void* object) { return load_with<Codec>(value, Of<Member>::in(object)); },
           required},
          [](JsonWriter& out, const void* object) { print_with<Codec>(out, Of<Member>::in(object)); },
          [](const void* object, const void* defaults) {
            return !(Of<Member>::in(object) == Of<Member>::in(defaults));
          }};
}

}  // namespace shoji::properties
