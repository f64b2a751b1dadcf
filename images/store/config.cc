#include "images/store/config.h"

#include <cstdlib>
#include <limits>

#include "base/io.h"
#include "base/json.h"
#include "images/store/reference.h"

namespace shoji::images {

namespace {

constexpr size_t kFileLimit = 1 << 20;

template <typename T>
struct Row {
  std::string_view key;
  Result<> (*read)(Json value, T& out);
};

Failure refuse(Json value, std::string_view why) {
  return fail(Kind::kInvalid, cat(value.pointer(), ": ", why));
}

template <typename T, size_t N>
Result<> read_object(Json object, const Row<T> (&rows)[N], T& out) {
  if (!object.is_object()) return object.unexpected("an object");
  for (Json member = object.first(); member.exists(); member = member.next()) {
    const Row<T>* found = nullptr;
    for (const Row<T>& row : rows)
      if (row.key == member.key()) found = &row;
    if (found == nullptr) return refuse(member, "unknown key");
    TRY(found->read(member, out));
  }
  return {};
}

Result<> read(Json value, std::string& out) {
  TRY_ASSIGN(out, value.as_string());
  return {};
}
Result<> read(Json value, bool& out) {
  TRY_ASSIGN(out, value.as_bool());
  return {};
}
Result<> read(Json value, uint64_t& out) {
  TRY_ASSIGN(out, value.as_uint64());
  return {};
}
Result<> read(Json value, uint32_t& out) {
  TRY_ASSIGN(uint64_t number, value.as_uint64());
  if (number > std::numeric_limits<uint32_t>::max()) return refuse(value, "too large");
  out = static_cast<uint32_t>(number);
  return {};
}
Result<> read(Json value, std::vector<std::string>& out) {
  if (!value.is_array()) return value.unexpected("an array of strings");
  out.clear();
  for (Json member = value.first(); member.exists(); member = member.next()) {
    TRY(read(member, out.emplace_back()));
    if (out.back().empty()) return refuse(member, "empty");
  }
  return {};
}

Result<> read_absolute(Json value, std::string& out) {
  TRY(read(value, out));
  if (!out.starts_with('/')) return refuse(value, cat(quote(out), " is not an absolute path"));
  return {};
}

// A member of the struct as a table row.
template <auto Member, typename T>
Result<> plain(Json value, T& out) {
  return read(value, out.*Member);
}
template <auto Member, typename T>
Result<> absolute(Json value, T& out) {
  return read_absolute(value, out.*Member);
}

constexpr Row<RegistryConfig> kRegistryRows[] = {
    {"mirrors", plain<&RegistryConfig::mirrors>},
    {"insecure", plain<&RegistryConfig::insecure>},
    {"blocked", plain<&RegistryConfig::blocked>},
    {"caFile", absolute<&RegistryConfig::ca_file>},
    {"clientCertificate", absolute<&RegistryConfig::client_certificate>},
    {"clientKey", absolute<&RegistryConfig::client_key>},
};

constexpr Row<UnpackLimits> kLimitRows[] = {
    {"bytes", plain<&UnpackLimits::bytes>},
    {"entries", plain<&UnpackLimits::entries>},
    {"fileBytes", plain<&UnpackLimits::file_bytes>},
    {"ratio", plain<&UnpackLimits::ratio>},
    {"pathBytes", plain<&UnpackLimits::path_bytes>},
    {"nameBytes", plain<&UnpackLimits::name_bytes>},
    {"xattrBytes", plain<&UnpackLimits::xattr_bytes>},
    {"depth", plain<&UnpackLimits::depth>},
};

Result<> check_registry(Json value, std::string_view name) {
  // Whatever stands before the first slash of a name is a registry.
  auto reference = parse_reference(cat(name, "/x"));
  if (!reference || reference->registry != name)
    return refuse(value, cat(quote(name), " is not HOST[:PORT]"));
  return {};
}

Result<> read_registries(Json value, ImagesConfig& out) {
  if (!value.is_object()) return value.unexpected("an object");
  for (Json member = value.first(); member.exists(); member = member.next()) {
    TRY(check_registry(member, member.key()));
    TRY(read_object(member, kRegistryRows, out.registries[std::string(member.key())]));
  }
  return {};
}

Result<> read_aliases(Json value, ImagesConfig& out) {
  if (!value.is_object()) return value.unexpected("an object");
  for (Json member = value.first(); member.exists(); member = member.next()) {
    auto name = parse_reference(member.key());
    if (!name || !name->is_short() || name->repository != member.key())
      return refuse(member, "the key is not a short name without a tag");
    TRY_ASSIGN(std::string_view target, member.as_string());
    auto stands_for = parse_reference(target);
    if (!stands_for) return Failure(within(member.pointer(), stands_for.error()));
    if (stands_for->is_short()) return refuse(member, cat(quote(target), " has no registry"));
    if (stands_for->name() != target && !target.starts_with("docker.io/"))
      return refuse(member, cat(quote(target), " is not REGISTRY/REPOSITORY"));
    out.aliases[std::string(member.key())] = stands_for->name();
  }
  return {};
}

Result<> read_search(Json value, ImagesConfig& out) {
  TRY(read(value, out.search));
  Json member = value.first();
  for (const std::string& registry : out.search) {
    TRY(check_registry(member, registry));
    member = member.next();
  }
  return {};
}

Result<> read_shared(Json value, ImagesConfig& out) {
  TRY(read(value, out.shared_stores));
  Json member = value.first();
  for (const std::string& path : out.shared_stores) {
    if (!path.starts_with('/')) return refuse(member, cat(quote(path), " is not an absolute path"));
    member = member.next();
  }
  return {};
}

Result<> read_parallel(Json value, ImagesConfig& out) {
  TRY(read(value, out.parallel_layers));
  if (out.parallel_layers < 1 || out.parallel_layers > 64) return refuse(value, "not between 1 and 64");
  return {};
}

Result<> read_retries(Json value, ImagesConfig& out) {
  TRY(read(value, out.retries));
  if (out.retries > 100) return refuse(value, "more than 100");
  return {};
}

Result<> read_format(Json value, ImagesConfig& out) {
  TRY(read(value, out.format));
  if (out.format == "auto" || out.format == "composed" || out.format == "tree") return {};
  return refuse(value, cat(quote(out.format), " is none of auto, composed, tree"));
}

Result<> read_limits(Json value, ImagesConfig& out) {
  return read_object(value, kLimitRows, out.limits);
}

constexpr Row<ImagesConfig> kRows[] = {
    {"store", absolute<&ImagesConfig::store>},
    {"sharedStores", read_shared},
    {"registries", read_registries},
    {"aliases", read_aliases},
    {"search", read_search},
    {"policy", absolute<&ImagesConfig::policy>},
    {"limits", read_limits},
    {"parallelLayers", read_parallel},
    {"retries", read_retries},
    {"format", read_format},
};

}  // namespace

Result<ImagesConfig> load_images_config(const std::string& path) {
  const char* environment = getenv("SHOJI_IMAGES_CONFIG");
  bool by_default = path.empty() && (environment == nullptr || *environment == '\0');
  std::string file = !path.empty() ? path : by_default ? "/etc/shoji/images.json" : environment;
  ImagesConfig config;
  auto text = read_file(file, kFileLimit);
  if (!text) {
    if (by_default && text.error().kind == Kind::kNotFound) return config;
    return Failure(std::move(text).error());
  }
  TRY_ASSIGN(auto document, JsonDocument::parse(std::move(*text), file));
  auto read_all = read_object(document.root(), kRows, config);
  if (!read_all) return Failure(within(file, std::move(read_all).error()));
  return config;
}

}  // namespace shoji::images
