#include "netsetup/cni/config.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "base/io.h"
#include "base/json.h"

namespace shoji::net {

namespace {

constexpr size_t kFileLimit = 1 << 20;  // bytes

// Rising. Versions before 0.3.0 have no lists of plugins, and results of another form.
constexpr std::string_view kVersions[] = {"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"};

size_t rank(std::string_view version) {
  return static_cast<size_t>(std::ranges::find(kVersions, version) - std::begin(kVersions));
}

// "Runtimes MUST select the highest supported version from the set of network configuration versions given by the
// cniVersion and cniVersions fields."
Result<std::string> choose_version(Json root) {
  std::vector<std::string_view> offered;
  if (Json version = root.find("cniVersion"); version.exists()) {
    TRY_ASSIGN(offered.emplace_back(), version.as_string());
  }
  if (Json versions = root.find("cniVersions"); versions.exists()) {
    if (!versions.is_array()) return versions.unexpected("an array");
    for (Json item = versions.first(); item.exists(); item = item.next()) {
      TRY_ASSIGN(offered.emplace_back(), item.as_string());
    }
  }
  std::string all;
  for (std::string_view version : offered) all += cat(all.empty() ? "" : ", ", version);
  std::erase_if(offered, [](std::string_view version) { return rank(version) == std::size(kVersions); });
  if (offered.empty())
    return fail(Kind::kUnsupported, cat("cniVersion ", all.empty() ? "is not given" : all,
                                        "; 0.3.0, 0.3.1, 0.4.0, 1.0.0 and 1.1.0 are supported"));
  return std::string(*std::ranges::max_element(offered, {}, rank));
}

Result<CniPlugin> read_plugin(Json value) {
  if (!value.is_object()) return value.unexpected("an object");
  CniPlugin out;
  TRY_ASSIGN(out.type, value.find("type").as_string());
  if (out.type.empty() || out.type == "." || out.type == ".." || out.type.contains('/'))
    return fail(Kind::kInvalid,
                cat(value.find("type").pointer(), ": ", quote(out.type), " is no name of a program"));
  out.document = value.source();
  Json capabilities = value.find("capabilities");
  if (!capabilities.exists() || capabilities.is_null()) return out;
  if (!capabilities.is_object()) return capabilities.unexpected("an object");
  for (Json item = capabilities.first(); item.exists(); item = item.next()) {
    TRY_ASSIGN(bool has, item.as_bool());
    if (has) out.capabilities.emplace_back(item.key());
  }
  return out;
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

Result<std::string> read_name(Json root) {
  TRY_ASSIGN(std::string_view name, root.find("name").as_string());
  auto allowed = [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; };
  if (name.empty() || !is_alphanumeric(name[0]) || !std::ranges::all_of(name, allowed))
    return fail(Kind::kInvalid, cat("/name: ", quote(name), " is not letters, digits, \"_\", \".\", \"-\", ",
                                    "beginning with a letter or digit"));
  return std::string(name);
}

// Without a look at whether there are plugins: they may be in files of their own.
Result<CniConfig> read_config(Json root) {
  if (!root.is_object()) return root.unexpected("an object");
  CniConfig out;
  TRY_ASSIGN(out.name, read_name(root));
  TRY_ASSIGN(out.version, choose_version(root));
  if (Json disabled = root.find("disableCheck"); disabled.exists()) {
    TRY_ASSIGN(bool value, disabled.as_bool());
    out.check = !value;
  }
  Json plugins = root.find("plugins");
  if (plugins.exists() && !plugins.is_array()) return plugins.unexpected("an array");
  if (plugins.exists()) {
    for (Json item = plugins.first(); item.exists(); item = item.next()) {
      TRY_ASSIGN(out.plugins.emplace_back(), read_plugin(item));
    }
  } else if (root.find("type").exists()) {
    TRY_ASSIGN(out.plugins.emplace_back(), read_plugin(root));
  }
  return out;
}

Result<std::vector<std::string>> list_files(const std::string& directory,
                                            std::initializer_list<std::string_view> endings) {
  std::vector<std::string> out;
  std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(directory.c_str()), closedir);
  if (!entries && (errno == ENOENT || errno == ENOTDIR)) return out;
  if (!entries) return fail_errno(errno, cat("list ", quote(directory)));
  while (const dirent* entry = readdir(entries.get())) {
    std::string_view name = entry->d_name;
    if (name[0] != '.' && std::ranges::any_of(endings, [&](auto end) { return name.ends_with(end); }))
      out.push_back(cat(directory, '/', name));
  }
  std::ranges::sort(out);
  return out;
}

// Lists before single plugins, each in the order of their names, as libcni looks for them.
Result<std::vector<std::string>> configuration_files(const CniPlaces& places) {
  TRY_ASSIGN(std::vector<std::string> out, list_files(places.configurations, {".conflist"}));
  TRY_ASSIGN(std::vector<std::string> single, list_files(places.configurations, {".conf", ".json"}));
  out.insert(out.end(), single.begin(), single.end());
  return out;
}

Result<JsonDocument> load(const std::string& path) {
  TRY_ASSIGN(std::string text, read_file(path, kFileLimit));
  return JsonDocument::parse(std::move(text), path);
}

std::string_view name_in(const JsonDocument& document) {
  return document.root().is_object() ? document.root().find("name").as_string().value_or("") : "";
}

// "Any valid plugin configuration objects aggregated from other sources must be appended", "the sibling folder with the
// same name as the network".
Result<> add_sibling_plugins(const CniPlaces& places, Json root, CniConfig& config) {
  if (Json only = root.find("loadOnlyInlinedPlugins"); only.exists()) {
    TRY_ASSIGN(bool value, only.as_bool());
    if (value) return {};
  }
  TRY_ASSIGN(std::vector<std::string> files,
             list_files(cat(places.configurations, '/', config.name), {".conf"}));
  for (const std::string& path : files) {
    TRY_ASSIGN(JsonDocument document, load(path));
    Result<CniPlugin> plugin = read_plugin(document.root());
    if (!plugin) return Failure(within(path, plugin.error()));
    config.plugins.push_back(std::move(*plugin));
  }
  return {};
}

Failure not_found(const CniPlaces& places, std::string_view name, const std::string& broken) {
  Result<std::vector<std::string>> names = list_cni_configs(places);
  std::string others;
  if (names)
    for (const std::string& other : *names) others += cat(others.empty() ? "" : ", ", quote(other));
  return fail(Kind::kNotFound,
              cat("there is no CNI network ", quote(name), " in ", quote(places.configurations),
                  others.empty() ? "" : cat("; there is ", others),
                  broken.empty() ? "" : cat("; what cannot be read: ", broken)));
}

}  // namespace

CniPlaces CniPlaces::of_environment() {
  CniPlaces out;
  const char* configurations = getenv("NETCONFPATH");
  const char* plugins = getenv("CNI_PATH");
  if (configurations != nullptr && *configurations != '\0') out.configurations = configurations;
  if (plugins != nullptr && *plugins != '\0') out.plugins = plugins;
  return out;
}

bool CniConfig::has_capability(std::string_view capability) const {
  return std::ranges::any_of(plugins, [&](const CniPlugin& plugin) {
    return std::ranges::find(plugin.capabilities, capability) != plugin.capabilities.end();
  });
}

Result<CniConfig> parse_cni_config(std::string text, std::string_view source) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(text), source));
  Result<CniConfig> config = read_config(document.root());
  if (config && config->plugins.empty()) config = fail(Kind::kInvalid, "there are no plugins in it");
  if (!config) return Failure(within(source, config.error()));
  return config;
}

std::string print_cni_config(const CniConfig& config) {
  JsonWriter out;
  out.begin_object().member("cniVersion", config.version).member("name", config.name);
  if (!config.check) out.member("disableCheck", true);
  out.key("plugins").begin_array();
  for (const CniPlugin& plugin : config.plugins) out.raw(plugin.document);
  return out.end_array().end_object().take();
}

Result<CniConfig> find_cni_config(const CniPlaces& places, std::string_view name) {
  TRY_ASSIGN(std::vector<std::string> files, configuration_files(places));
  std::string broken;
  for (const std::string& path : files) {
    Result<JsonDocument> document = load(path);
    if (!document) broken += cat(broken.empty() ? "" : ", ", document.error().text);
    if (!document || name_in(*document) != name) continue;
    Result<CniConfig> config = read_config(document->root());
    if (!config) return Failure(within(path, config.error()));
    TRY(add_sibling_plugins(places, document->root(), *config));
    if (config->plugins.empty())
      return fail(Kind::kInvalid, cat(path, ": there are neither \"plugins\" nor a \"type\" in it"));
    return config;
  }
  return not_found(places, name, broken);
}

Result<std::vector<std::string>> list_cni_configs(const CniPlaces& places) {
  std::vector<std::string> out;
  TRY_ASSIGN(std::vector<std::string> files, configuration_files(places));
  for (const std::string& path : files) {
    Result<JsonDocument> document = load(path);
    if (document && !name_in(*document).empty()) out.emplace_back(name_in(*document));
  }
  std::ranges::sort(out);
  auto again = std::ranges::unique(out);
  out.erase(again.begin(), again.end());
  return out;
}

}  // namespace shoji::net
