#pragma once
// Listings: rows of fields that are text for people and values for programs, described by constexpr tables of columns.
// Every listing has the same options: --format, -o, --sort, --filter, --no-heading.
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "cli/options.h"

namespace shoji::cli {

// A value that is JSON already.
struct RawJson {
  std::string json;
  auto operator<=>(const RawJson&) const = default;
};

// Null is what is not known.
using FieldValue =
    std::variant<std::monostate, std::string, int64_t, uint64_t, bool, std::vector<std::string>, RawJson>;

struct Field {
  FieldValue value;
  std::string text = {};  // for people; empty: the value says it
};

struct Column {
  std::string_view name;  // of the field, in -o, --sort, --filter and JSON
  std::string_view help;
  Field (*get)(const void* row) = nullptr;
  bool shown = true;  // in the table that nobody chose fields for
  bool right = false;
};

namespace detail {
template <auto Get>
struct RowOf;
template <typename Row, Field (*Get)(const Row&)>
struct RowOf<Get> {
  static Field get(const void* row) { return Get(*static_cast<const Row*>(row)); }
};
}  // namespace detail

// A column of a listing of Rows, from a function `Field(const Row&)`.
template <auto Get>
constexpr Column column(std::string_view name, std::string_view help) {
  return {name, help, &detail::RowOf<Get>::get};
}
template <auto Get>
constexpr Column right_column(std::string_view name, std::string_view help) {
  return {name, help, &detail::RowOf<Get>::get, true, true};
}
template <auto Get>
constexpr Column more_column(std::string_view name, std::string_view help) {
  return {name, help, &detail::RowOf<Get>::get, false};
}

// The options of a listing; those of a verb derive from it.
struct ListOptions {
  std::string format = "table";
  std::string output = {};
  std::string sort = {};
  std::vector<std::string> filters = {};
  bool no_heading = false;

  // What is wrong with them, for a listing of these columns.
  [[nodiscard]] Result<> check_list(std::span<const Column> columns) const;
};

template <typename Options, size_t N>
constexpr std::array<Option, N + 5> list_options(const std::array<Option, N>& own) {
  std::array<Option, N + 5> rows{};
  size_t at = 0;
  for (const Option& row : own) rows[at++] = row;
  rows[at++] = option_of<Options, &Options::format>("format", 0, "table or json", "table");
  rows[at++] = option_of<Options, &Options::output>("output", 'o', "fields to print, as name,size");
  rows[at++] =
      option_of<Options, &Options::sort>("sort", 0, "fields to sort by; -FIELD: the other way round");
  rows[at++] = option_of<Options, &Options::filters>(
      "filter", 'f',
      "only rows with FIELD=PATTERN, FIELD!=PATTERN, FIELD<NUMBER or FIELD>NUMBER; may be repeated");
  rows[at++] = option_of<Options, &Options::no_heading>("no-heading", 0, "leave out the line of headings");
  return rows;
}

// The listing as text; the options were checked.
std::string listing(std::span<const Column> columns, const ListOptions& options,
                    std::span<const void* const> rows);
template <typename Row>
std::string listing(std::span<const Column> columns, const ListOptions& options,
                    const std::vector<Row>& rows) {
  std::vector<const void*> pointers;
  pointers.reserve(rows.size());
  for (const Row& row : rows) pointers.push_back(&row);
  return listing(columns, options, std::span<const void* const>(pointers));
}

}  // namespace shoji::cli
