#include "images/registry/credentials.h"

#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "base/io.h"
#include "base/json.h"
#include "images/registry/auth_files.h"
#include "images/registry/base64.h"
#include "images/registry/credential_helper.h"

namespace shoji::images {

namespace {

std::string_view text_of(Json value) {
  return value.is_string() ? value.as_string().value_or("") : std::string_view();
}

Result<Credentials> entry_credentials(Json entry, const std::string& name) {
  Credentials found;
  found.identity_token = text_of(entry.find("identitytoken"));
  found.user = text_of(entry.find("username"));
  found.password = text_of(entry.find("password"));
  std::string_view auth = text_of(entry.find("auth"));
  if (auth.empty()) return found;
  std::optional<std::string> decoded = decode_base64(auth);
  if (!decoded) return fail(Kind::kInvalid, cat(name, ": \"auth\" is not base64"));
  std::string& pair = *decoded;
  while (pair.ends_with('\0')) pair.pop_back();  // docker's first versions wrote them
  size_t colon = pair.find(':');
  if (colon == std::string::npos) return fail(Kind::kInvalid, cat(name, ": \"auth\" is not USER:PASSWORD"));
  found.user = pair.substr(0, colon);
  found.password = pair.substr(colon + 1);
  return found;
}

// Names under which an entry may stand, most specific first (containers-auth.json(5), "FORMAT").
std::vector<std::string> keys_of(const std::string& registry, const std::string& repository) {
  std::vector<std::string> keys;
  for (std::string key = cat(registry, '/', repository); key.size() > registry.size();
       key.resize(key.rfind('/')))
    keys.push_back(key);
  keys.push_back(registry);
  for (const std::string& old : old_keys(registry)) keys.push_back(old);
  return keys;
}

Result<Credentials> find_in(const AuthFile& file, const std::vector<std::string>& keys,
                            const std::string& registry) {
  TRY_ASSIGN(std::string text, read_file(file.path, kAuthFileLimit));
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(text), cat("file ", quote(file.path))));
  Json root = document.root();
  std::string helper = helper_in(root, registry);
  if (!helper.empty()) {
    TRY_ASSIGN(Credentials found,
               helper_get(helper, registry == "docker.io" ? old_keys(registry)[0] : registry));
    if (!found.empty()) return found;
  }
  Json auths = root.find("auths");
  for (const std::string& key : keys) {
    Json entry = auths.is_object() ? auths.find(key) : Json();
    if (!entry.is_object()) continue;
    TRY_ASSIGN(Credentials found,
               entry_credentials(entry, cat("file ", quote(file.path), ": entry ", quote(key))));
    if (!found.empty()) return found;
  }
  return Credentials{};
}

}  // namespace

Result<Credentials> find_credentials(const std::string& registry, const std::string& repository) {
  std::vector<std::string> keys = keys_of(registry, repository);
  for (const AuthFile& file : auth_files()) {
    if (access(file.path.c_str(), F_OK) != 0) continue;
    TRY_ASSIGN(Credentials found, find_in(file, keys, registry));
    if (!found.empty()) return found;
  }
  return Credentials{};
}

}  // namespace shoji::images
