#include <array>

#include "base/json.h"
#include "base/path.h"
#include "images/template/template.h"

namespace shoji::images {

namespace {

Failure wrong(Json value, std::string_view why) {
  return fail(Kind::kInvalid, cat(value.pointer(), ": ", why));
}

using Check = Result<> (*)(Json value, std::string_view text);

Result<> anything(Json /*value*/, std::string_view /*text*/) {
  return {};
}

// Words that become arguments of apt and mmdebstrap: never an option, never two words.
Result<> word(Json value, std::string_view text) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.:=~/_";
  if (text.empty() || text.starts_with('-') || text.find_first_not_of(kAllowed) != std::string_view::npos)
    return wrong(value, cat(quote(text), " is not a plain word"));
  return {};
}

Result<> mirror(Json value, std::string_view text) {
  if (text.empty() || text.starts_with('-') || text.find('\n') != std::string_view::npos)
    return wrong(value, cat(quote(text), " is no mirror"));
  return {};
}

Result<> absolute(Json value, std::string_view text) {
  if (!text.starts_with('/') || clean_path(text) != text || text == "/")
    return wrong(value, cat(quote(text), " is not a clean absolute path"));
  return {};
}

Result<> known_variant(Json value, std::string_view text) {
  constexpr std::string_view kVariants[] = {"extract", "essential", "apt",       "required",
                                            "minbase", "buildd",    "important", "standard"};
  for (std::string_view variant : kVariants)
    if (text == variant) return {};
  return wrong(value, cat(quote(text), " is no variant of mmdebstrap that gives a root"));
}

Result<> read_text(Json value, Check check, std::string& out) {
  TRY_ASSIGN(std::string_view text, value.as_string());
  if (text.find('\0') != std::string_view::npos) return wrong(value, "NUL in a text");
  TRY(check(value, text));
  out = text;
  return {};
}

Result<> read_list(Json value, Check check, std::vector<std::string>& out) {
  if (!value.is_array()) return value.unexpected("an array of strings");
  out.clear();
  for (Json item = value.first(); item.exists(); item = item.next())
    TRY(read_text(item, check, out.emplace_back()));
  return {};
}

Result<> read_map(Json value, Annotations& out) {
  if (!value.is_object()) return value.unexpected("an object of strings");
  for (Json item = value.first(); item.exists(); item = item.next()) {
    if (item.key().empty()) return wrong(item, "a name is empty");
    TRY(read_text(item, anything, out[std::string(item.key())]));
  }
  return {};
}

template <typename T>
struct Key {
  std::string_view name;
  Result<> (*read)(Json value, T& into);
};

// Every member of an object has a row in its table.
template <typename T, size_t N>
Result<> read_object(Json object, const std::array<Key<T>, N>& keys, T& into) {
  if (!object.is_object()) return object.unexpected("an object");
  for (Json member = object.first(); member.exists(); member = member.next()) {
    const Key<T>* found = nullptr;
    for (const Key<T>& key : keys)
      if (key.name == member.key()) found = &key;
    if (found == nullptr) return wrong(member, "unknown key");
    TRY(found->read(member, into));
  }
  return {};
}

Result<> read_mode(Json value, Template::File& file) {
  TRY_ASSIGN(std::string_view text, value.as_string());
  uint32_t mode = 0;
  for (char c : text) {
    if (c < '0' || c > '7' || text.size() > 5) return wrong(value, cat(quote(text), " is not an octal mode"));
    mode = mode * 8 + static_cast<uint32_t>(c - '0');
  }
  if (text.empty() || mode > 07777) return wrong(value, cat(quote(text), " is not an octal mode"));
  file.mode = mode;
  return {};
}

Result<> read_id(Json value, uint32_t& out) {
  TRY_ASSIGN(uint64_t id, value.as_uint64());
  if (id >= UINT32_MAX) return wrong(value, cat(id, " is no user or group"));
  out = static_cast<uint32_t>(id);
  return {};
}

using File = Template::File;
constexpr std::array<Key<File>, 7> kFileKeys{{
    {"path", [](Json v, File& f) { return read_text(v, absolute, f.path); }},
    {"content", [](Json v, File& f) { return read_text(v, anything, f.content); }},
    {"source", [](Json v, File& f) { return read_text(v, anything, f.source); }},
    {"link", [](Json v, File& f) { return read_text(v, anything, f.link); }},
    {"mode", [](Json v, File& f) { return read_mode(v, f); }},
    {"uid", [](Json v, File& f) { return read_id(v, f.uid); }},
    {"gid", [](Json v, File& f) { return read_id(v, f.gid); }},
}};

Result<> read_files(Json value, Template& t) {
  if (!value.is_array()) return value.unexpected("an array of objects");
  for (Json item = value.first(); item.exists(); item = item.next()) {
    File& file = t.files.emplace_back();
    TRY(read_object(item, kFileKeys, file));
    if (file.path.empty()) return wrong(item, "\"path\" is missing");
    int ways = 0;
    for (std::string_view way : {"content", "source", "link"}) ways += item.find(way).exists() ? 1 : 0;
    if (ways != 1) return wrong(item, R"(one of "content", "source" and "link" says what the file is)");
    if (item.find("link").exists() && file.link.empty()) return wrong(item.find("link"), "a link to nothing");
  }
  return {};
}

// 80, "80", "80/tcp", "53/udp"
Result<> read_ports(Json value, Template& t) {
  if (!value.is_array()) return value.unexpected("an array");
  for (Json item = value.first(); item.exists(); item = item.next()) {
    std::string text;
    if (item.is_string()) {
      TRY(read_text(item, anything, text));
    } else {
      TRY_ASSIGN(uint64_t number, item.as_uint64());
      text = std::to_string(number);
    }
    const std::string_view number = std::string_view(text).substr(0, text.find('/'));
    const std::string_view protocol = std::string_view(text).substr(number.size());
    unsigned port = 0;
    for (char c : number)
      port = c < '0' || c > '9' || port > 65535 ? 65536 : port * 10 + static_cast<unsigned>(c - '0');
    if (port == 0 || port > 65535 || (!protocol.empty() && protocol != "/tcp" && protocol != "/udp"))
      return wrong(item, cat(quote(text), " is no port"));
    t.config.exposed_ports.push_back(cat(port, protocol.empty() ? "/tcp" : protocol));
  }
  return {};
}

Result<> read_env(Json value, Template& t) {
  Annotations env;
  TRY(read_map(value, env));
  for (const auto& [name, text] : env) {
    if (name.find('=') != std::string::npos) return wrong(value, cat(quote(name), " is no variable's name"));
    t.config.env.push_back(cat(name, '=', text));
  }
  return {};
}

Result<> read_mirrors(Json value, Template& t) {
  if (!value.is_string()) return read_list(value, mirror, t.mirrors);
  return read_text(value, mirror, t.mirrors.emplace_back());
}

constexpr std::array<Key<Template>, 19> kKeys{{
    {"name", [](Json v, Template& t) { return read_text(v, word, t.name); }},
    {"description", [](Json v, Template& t) { return read_text(v, anything, t.description); }},
    {"suite", [](Json v, Template& t) { return read_text(v, word, t.suite); }},
    {"variant", [](Json v, Template& t) { return read_text(v, known_variant, t.variant); }},
    {"mirror", read_mirrors},
    {"packages", [](Json v, Template& t) { return read_list(v, word, t.packages); }},
    {"exclude", [](Json v, Template& t) { return read_list(v, anything, t.exclude); }},
    {"files", read_files},
    {"run", [](Json v, Template& t) { return read_list(v, anything, t.run); }},
    {"remove", [](Json v, Template& t) { return read_list(v, absolute, t.remove); }},
    {"user", [](Json v, Template& t) { return read_text(v, anything, t.config.user); }},
    {"cmd", [](Json v, Template& t) { return read_list(v, anything, t.config.cmd); }},
    {"entrypoint", [](Json v, Template& t) { return read_list(v, anything, t.config.entrypoint); }},
    {"env", read_env},
    {"ports", read_ports},
    {"workdir", [](Json v, Template& t) { return read_text(v, absolute, t.config.working_dir); }},
    {"volumes", [](Json v, Template& t) { return read_list(v, absolute, t.config.volumes); }},
    {"labels", [](Json v, Template& t) { return read_map(v, t.config.labels); }},
    {"stopSignal", [](Json v, Template& t) { return read_text(v, word, t.config.stop_signal); }},
}};

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash == 0 ? 1 : slash);
}

}  // namespace

Result<Template> parse_template(std::string text, const std::string& path) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(text), path));
  Template t;
  if (auto read = read_object(document.root(), kKeys, t); !read)
    return std::unexpected(within(path, std::move(read).error()));
  t.directory = directory_of(path);
  if (t.name.empty()) t.name = base_name(path).substr(0, base_name(path).rfind(".json"));
  // Nothing can be run, or asked of apt, where packages are only extracted: they are the whole root.
  if (t.variant == "extract" && t.packages.empty())
    return fail(Kind::kInvalid, cat(path, ": /variant: \"extract\" needs /packages"));
  return t;
}

}  // namespace shoji::images
