#include "images/store/json_fields.h"

namespace shoji::images::fields {

Json optional(Json object, std::string_view key) {
  Json member = object.find(key);
  return member.is_null() ? Json() : member;
}

Result<> read(Json object, std::string_view key, std::string& out) {
  Json member = optional(object, key);
  if (!member.exists()) return {};
  TRY_ASSIGN(out, member.as_string());
  return {};
}

Result<> read(Json object, std::string_view key, bool& out) {
  Json member = optional(object, key);
  if (!member.exists()) return {};
  TRY_ASSIGN(out, member.as_bool());
  return {};
}

Result<> read(Json object, std::string_view key, uint64_t& out) {
  Json member = optional(object, key);
  if (!member.exists()) return {};
  TRY_ASSIGN(out, member.as_uint64());
  return {};
}

Result<> read(Json object, std::string_view key, std::vector<std::string>& out) {
  Json list = optional(object, key);
  if (!list.exists()) return {};
  if (!list.is_array()) return list.unexpected("an array of strings");
  for (Json member = list.first(); member.exists(); member = member.next()) {
    TRY_ASSIGN(std::string_view text, member.as_string());
    out.emplace_back(text);
  }
  return {};
}

Result<> read(Json object, std::string_view key, Annotations& out) {
  Json map = optional(object, key);
  if (!map.exists()) return {};
  if (!map.is_object()) return map.unexpected("an object of strings");
  for (Json member = map.first(); member.exists(); member = member.next()) {
    TRY_ASSIGN(std::string_view text, member.as_string());
    out.insert_or_assign(std::string(member.key()), std::string(text));
  }
  return {};
}

Result<> read_set(Json object, std::string_view key, std::vector<std::string>& out) {
  Json map = optional(object, key);
  if (!map.exists()) return {};
  if (!map.is_object()) return map.unexpected("an object");
  for (Json member = map.first(); member.exists(); member = member.next()) out.emplace_back(member.key());
  return {};
}

Result<> read(Json object, std::string_view key, Digest& out) {
  Json member = object.find(key);
  if (!member.exists()) return fail(Kind::kInvalid, cat(object.pointer(), '/', key, " is missing"));
  TRY_ASSIGN(std::string_view text, member.as_string());
  auto digest = Digest::parse(text);
  if (!digest) return Failure(within(member.pointer(), digest.error()));
  out = *digest;
  return {};
}

namespace {

Result<> read_platform(Json value, Platform& out) {
  Json platform = optional(value, "platform");
  if (!platform.exists()) return {};
  if (!platform.is_object()) return platform.unexpected("an object");
  TRY(read(platform, "os", out.os));
  TRY(read(platform, "architecture", out.architecture));
  return read(platform, "variant", out.variant);
}

}  // namespace

Result<Descriptor> read_descriptor(Json value) {
  if (!value.is_object()) return value.unexpected("a descriptor");
  Descriptor out;
  TRY(read(value, "mediaType", out.media_type));
  TRY(read(value, "digest", out.digest));
  Json size = value.find("size");
  if (!size.exists()) return fail(Kind::kInvalid, cat(value.pointer(), "/size is missing"));
  TRY_ASSIGN(out.size, size.as_uint64());
  // descriptor.md: int64. Sums of a manifest's sizes stay far from wrapping around.
  constexpr uint64_t kMost = uint64_t{1} << 50;
  if (out.size > kMost)
    return fail(Kind::kInvalid, cat(size.pointer(), ": ", out.size, " bytes is not a size that exists"));
  TRY(read_platform(value, out.platform));
  TRY(read(value, "annotations", out.annotations));
  return out;
}

void print(JsonWriter& out, std::string_view key, const Annotations& annotations) {
  if (annotations.empty()) return;
  out.key(key).begin_object();
  for (const auto& [name, value] : annotations) out.member(name, value);
  out.end_object();
}

void print(JsonWriter& out, std::string_view key, std::string_view text) {
  if (!text.empty()) out.member(key, text);
}

void print(JsonWriter& out, std::string_view key, const std::vector<std::string>& list) {
  if (list.empty()) return;
  out.key(key).begin_array();
  for (const std::string& text : list) out.value(text);
  out.end_array();
}

void print_descriptor(JsonWriter& out, const Descriptor& descriptor) {
  out.begin_object();
  print(out, "mediaType", descriptor.media_type);
  out.member("digest", descriptor.digest.text());
  out.member("size", descriptor.size);
  if (!descriptor.platform.architecture.empty() || !descriptor.platform.os.empty()) {
    out.key("platform").begin_object();
    out.member("architecture", descriptor.platform.architecture);
    out.member("os", descriptor.platform.os);
    print(out, "variant", descriptor.platform.variant);
    out.end_object();
  }
  print(out, "annotations", descriptor.annotations);
  out.end_object();
}

}  // namespace shoji::images::fields
