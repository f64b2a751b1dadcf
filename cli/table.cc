#include "cli/table.h"

#include <algorithm>

#include "base/json.h"
#include "cli/human.h"

namespace shoji::cli {

namespace {

const Column* find_column(std::span<const Column> columns, std::string_view name) {
  for (const Column& column : columns)
    if (column.name == name) return &column;
  return nullptr;
}

Result<const Column*> known_column(std::span<const Column> columns, std::string_view option,
                                   std::string_view name) {
  if (const Column* column = find_column(columns, name)) return column;
  std::string names;
  for (const Column& column : columns) names += cat(names.empty() ? "" : ", ", column.name);
  return fail(Kind::kInvalid, cat(option, ": there is no field ", quote(name), ", but ", names));
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    size_t comma = std::min(text.find(','), text.size());
    words.push_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return words;
}

struct SortKey {
  const Column* column;
  bool descending;
};
Result<std::vector<SortKey>> sort_keys(std::span<const Column> columns, std::string_view text) {
  std::vector<SortKey> keys;
  for (std::string_view word : split(text)) {
    bool descending = word.starts_with('-');
    if (descending) word.remove_prefix(1);
    TRY_ASSIGN(const Column* column, known_column(columns, "--sort", word));
    keys.push_back({column, descending});
  }
  return keys;
}

enum class Test : uint8_t { kEqual, kUnequal, kLess, kMore };
struct Filter {
  const Column* column;
  Test test;
  std::string_view pattern;
  uint64_t number = 0;
};
Result<Filter> parse_filter(std::span<const Column> columns, std::string_view text) {
  size_t at = text.find_first_of("=!<>");
  bool unequal = at != std::string_view::npos && text.substr(at).starts_with("!=");
  if (at == std::string_view::npos || at == 0 || (text[at] == '!' && !unequal))
    return fail(Kind::kInvalid, cat("--filter ", quote(text),
                                    " is not FIELD=PATTERN, FIELD!=PATTERN, FIELD<NUMBER or FIELD>NUMBER"));
  TRY_ASSIGN(const Column* column, known_column(columns, "--filter", text.substr(0, at)));
  Filter filter{column, unequal ? Test::kUnequal : Test::kEqual, text.substr(at + (unequal ? 2 : 1))};
  if (text[at] == '<' || text[at] == '>') {
    filter.test = text[at] == '<' ? Test::kLess : Test::kMore;
    auto number = parse_size(filter.pattern);
    if (!number) return Failure(within("--filter", number.error()));
    filter.number = *number;
  }
  return filter;
}

// `*` is any text, `?` any character.
bool matches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || (pattern[p] == text[t] && pattern[p] != '*'))) {
      ++p, ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++, from = t;
    } else if (star != std::string_view::npos) {
      p = star + 1, t = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string join(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& item : list) out += cat(out.empty() ? "" : ", ", item);
  return out;
}

struct PlainText {
  std::string operator()(std::monostate) const { return ""; }
  std::string operator()(const std::string& text) const { return text; }
  std::string operator()(int64_t number) const { return std::to_string(number); }
  std::string operator()(uint64_t number) const { return std::to_string(number); }
  std::string operator()(bool truth) const { return truth ? "true" : "false"; }
  std::string operator()(const std::vector<std::string>& list) const { return join(list); }
  std::string operator()(const RawJson& raw) const { return raw.json; }
};

bool passes(const Filter& filter, const FieldValue& value) {
  if (filter.test == Test::kLess || filter.test == Test::kMore) {
    bool less = filter.test == Test::kLess;
    if (const auto* natural = std::get_if<uint64_t>(&value))
      return less ? *natural < filter.number : *natural > filter.number;
    if (const auto* number = std::get_if<int64_t>(&value))
      return less ? *number < static_cast<int64_t>(filter.number)
                  : *number > static_cast<int64_t>(filter.number);
    return false;
  }
  bool found = false;
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    for (const std::string& item : *list) found = found || matches(filter.pattern, item);
  } else {
    found = matches(filter.pattern, std::visit(PlainText{}, value));
  }
  return found == (filter.test == Test::kEqual);
}

struct JsonValue {
  JsonWriter& json;
  void operator()(std::monostate) const { json.null(); }
  void operator()(const std::string& text) const { json.value(text); }
  void operator()(int64_t number) const { json.value(number); }
  void operator()(uint64_t number) const { json.value(number); }
  void operator()(bool truth) const { json.value(truth); }
  void operator()(const std::vector<std::string>& list) const {
    json.begin_array();
    for (const std::string& item : list) json.value(item);
    json.end_array();
  }
  void operator()(const RawJson& raw) const { json.raw(raw.json); }
};

std::string as_json(std::span<const Column* const> columns, std::span<const void* const> rows) {
  JsonWriter json(JsonWriter::Style::kIndented);
  json.begin_array();
  for (const void* row : rows) {
    json.begin_object();
    for (const Column* column : columns) {
      json.key(column->name);
      std::visit(JsonValue{json}, column->get(row).value);
    }
    json.end_object();
  }
  json.end_array();
  return json.take() + "\n";
}

std::string heading(std::string_view name) {
  std::string text(name);
  for (char& letter : text) {
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
    if (letter == '_') letter = ' ';
  }
  return text;
}

std::string as_table(std::span<const Column* const> columns, std::span<const void* const> rows, bool headed) {
  std::vector<std::vector<std::string>> lines;
  if (headed) {
    lines.emplace_back();
    for (const Column* column : columns) lines.back().push_back(heading(column->name));
  }
  for (const void* row : rows) {
    lines.emplace_back();
    for (const Column* column : columns) {
      Field field = column->get(row);
      lines.back().push_back(
          printable(field.text.empty() ? std::visit(PlainText{}, field.value) : field.text));
    }
  }
  std::vector<size_t> widths(columns.size(), 0);
  for (const auto& line : lines)
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], display_width(line[i]));
  std::string out;
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      std::string blanks(widths[i] - display_width(line[i]), ' ');
      bool last = i + 1 == line.size();
      if (columns[i]->right) out += blanks;
      out += line[i];
      if (!columns[i]->right && !last) out += blanks;
      if (!last) out += "  ";
    }
    out += '\n';
  }
  return out;
}

}  // namespace

Result<> ListOptions::check_list(std::span<const Column> columns) const {
  if (format != "table" && format != "json")
    return fail(Kind::kInvalid, cat("invalid format ", quote(format), ": table or json; -o chooses fields"));
  for (std::string_view name : split(output)) TRY(known_column(columns, "-o", name));
  TRY(sort_keys(columns, sort));
  for (const std::string& filter : filters) TRY(parse_filter(columns, filter));
  return {};
}

std::string listing(std::span<const Column> columns, const ListOptions& options,
                    std::span<const void* const> rows) {
  std::vector<Filter> filters;
  for (const std::string& text : options.filters)
    if (auto filter = parse_filter(columns, text)) filters.push_back(*filter);
  std::vector<const void*> kept;
  for (const void* row : rows)
    if (std::all_of(filters.begin(), filters.end(),
                    [&](const Filter& filter) { return passes(filter, filter.column->get(row).value); }))
      kept.push_back(row);
  if (auto keys = sort_keys(columns, options.sort); keys && !keys->empty())
    std::stable_sort(kept.begin(), kept.end(), [&](const void* a, const void* b) {
      for (const SortKey& key : *keys) {
        FieldValue left = key.column->get(a).value, right = key.column->get(b).value;
        if (left != right) return (left < right) != key.descending;
      }
      return false;
    });
  bool json = options.format == "json";
  std::vector<const Column*> chosen;
  for (std::string_view name : split(options.output)) chosen.push_back(find_column(columns, name));
  if (chosen.empty())
    for (const Column& column : columns)
      if (column.shown || json) chosen.push_back(&column);
  return json ? as_json(chosen, kept) : as_table(chosen, kept, !options.no_heading);
}

}  // namespace shoji::cli
