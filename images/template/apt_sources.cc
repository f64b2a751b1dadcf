#include "images/template/apt_sources.h"

#include <fcntl.h>

#include <algorithm>
#include <map>

#include "base/io.h"
#include "images/blobs/hash.h"
#include "images/store/durable.h"

namespace shoji::images {

namespace {

constexpr size_t kFileLimit = 16 << 20;

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    std::string_view piece = text.substr(0, text.find_first_of(separators));
    text.remove_prefix(std::min(text.size(), piece.size() + 1));
    if (!piece.empty()) out.push_back(piece);
  }
  return out;
}

bool blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// Fields in lower case; the value keeps its further lines (an inline key has many).
using Stanza = std::map<std::string, std::string>;

std::vector<Stanza> deb822_stanzas(std::string_view text) {
  std::vector<Stanza> out(1);
  std::string* value = nullptr;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.starts_with('#')) continue;
    if (blank(line)) {
      if (!out.back().empty()) out.emplace_back();
      value = nullptr;
    } else if (line[0] == ' ' || line[0] == '\t') {
      if (value != nullptr) *value += cat('\n', line);
    } else if (size_t colon = line.find(':'); colon != std::string_view::npos) {
      value = &out.back()[lower(line.substr(0, colon))];
      std::string_view rest = line.substr(colon + 1);
      *value = rest.substr(std::min(rest.size(), rest.find_first_not_of(" \t")));
    }
  }
  return out;
}

// "deb [arch=amd64 signed-by=/x] URI SUITE COMPONENT..."
std::vector<Stanza> one_line_stanzas(std::string_view text) {
  std::vector<Stanza> out;
  for (std::string_view line : split(text, "\n")) {
    line = line.substr(0, line.find('#'));
    Stanza stanza;
    size_t open = line.find('['), close = line.find(']');
    std::string rest(line);
    if (open != std::string_view::npos && close != std::string_view::npos && open < close) {
      for (std::string_view option : split(line.substr(open + 1, close - open - 1), " \t")) {
        std::string key = lower(option.substr(0, option.find('=')));
        if (key == "signed-by") stanza["signed-by"] = option.substr(option.find('=') + 1);
      }
      rest = cat(line.substr(0, open), ' ', line.substr(close + 1));
    }
    auto words = split(rest, " \t\r");
    if (words.size() < 4 || words[0] != "deb") continue;
    stanza["types"] = "deb";
    stanza["uris"] = words[1];
    stanza["suites"] = words[2];
    for (size_t i = 3; i < words.size(); ++i) stanza["components"] += cat(i > 3 ? " " : "", words[i]);
    out.push_back(std::move(stanza));
  }
  return out;
}

// The suite itself, its updates and its security fixes; "" for others (backports, other people's suites).
bool belongs(std::string_view name, std::string_view suite) {
  if (!name.starts_with(suite)) return false;
  std::string_view rest = name.substr(suite.size());
  return rest.empty() || rest == "-updates" || rest == "-security" || rest == "/updates";
}

bool usable(const Stanza& stanza) {
  auto has = [&](const char* field, std::string_view wanted) {
    auto found = stanza.find(field);
    if (found == stanza.end()) return false;
    auto words = split(found->second, " \t\n");
    return std::ranges::find(words, wanted) != words.end();
  };
  auto enabled = stanza.find("enabled");
  return has("types", "deb") && has("components", "main") && stanza.contains("uris") &&
         stanza.contains("suites") && (enabled == stanza.end() || lower(enabled->second) != "no");
}

// What of the stanza belongs to `from`, as suites of `to`.
std::string narrowed(const Stanza& stanza, std::string_view from, std::string_view to) {
  std::string suites;
  for (std::string_view name : split(stanza.at("suites"), " \t\n"))
    if (belongs(name, from)) suites += cat(' ', to, name.substr(from.size()));
  if (suites.empty()) return "";
  std::string out = cat("Types: deb\nURIs: ", stanza.at("uris"), "\nSuites:", suites, "\nComponents: main\n");
  if (auto key = stanza.find("signed-by"); key != stanza.end()) out += cat("Signed-By: ", key->second, '\n');
  return out + '\n';
}

}  // namespace

Result<std::string> host_suite() {
  TRY_ASSIGN(std::string text, read_file("/etc/os-release", kFileLimit));
  for (std::string_view line : split(text, "\n")) {
    constexpr std::string_view kKey = "VERSION_CODENAME=";
    if (!line.starts_with(kKey)) continue;
    line.remove_prefix(kKey.size());
    while (line.starts_with('"')) line.remove_prefix(1);
    while (line.ends_with('"')) line.remove_suffix(1);
    if (!line.empty()) return std::string(line);
  }
  return fail(Kind::kNotFound, R"(/etc/os-release names no suite: say "suite" in the template)");
}

Result<std::string> narrow_sources(const std::vector<SourceFile>& sources, std::string_view suite,
                                   std::string_view own_suite) {
  std::vector<Stanza> stanzas;
  for (const SourceFile& source : sources)
    for (Stanza& stanza :
         source.name.ends_with(".sources") ? deb822_stanzas(source.text) : one_line_stanzas(source.text))
      if (usable(stanza)) stanzas.push_back(std::move(stanza));
  for (std::string_view from : {suite, own_suite}) {
    std::string out;
    if (from.empty()) continue;
    for (const Stanza& stanza : stanzas) out += narrowed(stanza, from, suite);
    if (!out.empty()) return out;
  }
  return fail(Kind::kNotFound,
              cat("no apt source of this host offers ", quote(suite), R"(: say "mirror" in the template)"));
}

Result<std::vector<SourceFile>> host_sources() {
  std::vector<SourceFile> out;
  std::vector<std::string> paths = {"/etc/apt/sources.list"};
  TRY_ASSIGN(auto names, list_directory(AT_FDCWD, "/etc/apt/sources.list.d"));
  std::ranges::sort(names);
  for (const std::string& name : names)
    if (name.ends_with(".list") || name.ends_with(".sources"))
      paths.push_back("/etc/apt/sources.list.d/" + name);
  for (const std::string& path : paths) {
    auto text = read_file(path, kFileLimit);
    if (!text && text.error().kind == Kind::kNotFound) continue;
    if (!text) return std::unexpected(std::move(text).error());
    out.push_back({.name = path, .text = std::move(*text)});
  }
  return out;
}

std::string known_releases(std::string_view suite) {
  constexpr const char* kLists = "/var/lib/apt/lists";
  std::string all;
  auto names = list_directory(AT_FDCWD, kLists).value_or(std::vector<std::string>());
  std::ranges::sort(names);
  for (const std::string& name : names) {
    const size_t dists = name.find("_dists_"), end = name.rfind('_');
    if (dists == std::string::npos || end < dists + 7 ||
        !(name.ends_with("_InRelease") || name.ends_with("_Release")))
      continue;
    if (!belongs(std::string_view(name).substr(dists + 7, end - dists - 7), suite)) continue;
    if (auto text = read_file(cat(kLists, '/', name), kFileLimit); text)
      all += cat(name, '\n', digest_of(*text).text(), '\n');
  }
  return digest_of(all).text();
}

}  // namespace shoji::images
