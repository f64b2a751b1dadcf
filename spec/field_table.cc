#include "spec/field_table.h"

namespace shoji::field_table {

namespace {

Failure refuse(Json value, std::string_view why, Kind kind = Kind::kInvalid) {
  return fail(kind, cat(value.pointer(), ": ", why));
}

Result<> check_required(Json object, std::span<const Row> rows, uint64_t seen) {
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].required && (seen >> i & 1) == 0) {
      return fail(Kind::kInvalid, cat(object.pointer(), '/', rows[i].name, ": missing"));
    }
  }
  return {};
}

}  // namespace

Result<> expect_object(Json value) {
  if (!value.is_object()) return value.unexpected("an object");
  return {};
}

Result<> expect_array(Json value) {
  if (!value.is_array()) return value.unexpected("an array");
  return {};
}

Result<> check_key(Json member) {
  if (member.key().empty()) return refuse(member, "a property needs a name");
  if (member.key().contains('\0')) return refuse(member, "the property's name contains a NUL character");
  return {};
}

Result<> load_object(Json value, std::span<const Row> rows, void* object, Unknown unknown) {
  TRY(expect_object(value));
  uint64_t seen = 0;
  for (Json member = value.first(); member.exists(); member = member.next()) {
    std::string_view key = member.key();
    auto row = std::ranges::find(rows, key, &Row::name);
    if (row == rows.end()) {
      if (unknown == Unknown::kRefuse && !key.starts_with("//"))
        return refuse(member, "there is no such property");
      continue;
    }
    if (member.is_null()) continue;
    if (row->load == nullptr) return refuse(member, row->refusal, Kind::kUnsupported);
    TRY(row->load(member, object));
    seen |= uint64_t{1} << (row - rows.begin());
  }
  return check_required(value, rows, seen);
}

Result<> read(Json value, bool& out) {
  TRY_ASSIGN(out, value.as_bool());
  return {};
}

Result<> read(Json value, std::string& out) {
  TRY_ASSIGN(std::string_view text, value.as_string());
  if (text.contains('\0')) return refuse(value, "contains a NUL character");
  out = text;
  return {};
}

Result<> read(Json value, std::vector<std::string>& out) {
  TRY(expect_array(value));
  out.clear();
  out.reserve(value.size());
  for (Json item = value.first(); item.exists(); item = item.next()) TRY(read(item, out.emplace_back()));
  return {};
}

Result<> read(Json value, StringMap& out) {
  TRY(expect_object(value));
  out.clear();
  out.reserve(value.size());
  for (Json member = value.first(); member.exists(); member = member.next()) {
    TRY(check_key(member));
    auto& [key, text] = out.emplace_back();
    key = member.key();
    TRY(read(member, text));
  }
  keep_last(out, &StringMap::value_type::first);
  return {};
}

Result<int64_t> read_signed(Json value, int64_t least, int64_t greatest) {
  TRY_ASSIGN(int64_t number, value.as_int64());
  if (number < least) return refuse(value, cat(number, " is less than ", least));
  if (number > greatest) return refuse(value, cat(number, " is greater than ", greatest));
  return number;
}

Result<uint64_t> read_unsigned(Json value, uint64_t greatest) {
  TRY_ASSIGN(uint64_t number, value.as_uint64());
  if (number > greatest) return refuse(value, cat(number, " is greater than ", greatest));
  return number;
}

Result<> read_name(Json value, NameTable names, std::string& out) {
  TRY(read(value, out));
  if (find_number(names, out)) return {};
  return refuse(value, cat(quote(out), " is not one of ", list_names(names)));
}

Result<> read_name(Json value, NameTable names, std::vector<std::string>& out) {
  TRY(expect_array(value));
  out.clear();
  out.reserve(value.size());
  for (Json item = value.first(); item.exists(); item = item.next()) {
    TRY(read_name(item, names, out.emplace_back()));
  }
  return {};
}

}  // namespace shoji::field_table
