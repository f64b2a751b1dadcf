// Which entry of an index fits a host.
#include <optional>

#include "images/store/manifest.h"

namespace shoji::images {

namespace {

struct HostRow {
  std::string_view said, architecture, variant;
};
// What people say beside GOARCH's words (containerd's platforms/database.go).
constexpr HostRow kAliases[] = {{"x86_64", "amd64", ""}, {"x86-64", "amd64", ""}, {"aarch64", "arm64", ""},
                                {"armhf", "arm", "v7"},  {"armel", "arm", "v6"},  {"i386", "386", ""},
                                {"i686", "386", ""}};

// "arm64" means v8 and "arm" v7, as in containerd's platforms package; amd64/v1 is plain amd64.
std::string_view usual_variant(std::string_view architecture) {
  if (architecture == "arm64") return "v8";
  if (architecture == "arm") return "v7";
  if (architecture == "amd64") return "v1";
  return "";
}

// A processor runs what was built for an older variant: the level, or nothing when the variant is none of v1..v99.
std::optional<int> level(std::string_view architecture, std::string_view variant) {
  if (variant.empty()) variant = usual_variant(architecture);
  if (variant.empty()) return 0;
  if (variant.size() < 2 || variant.size() > 3 || variant[0] != 'v') return std::nullopt;
  int out = 0;
  for (char c : variant.substr(1)) {
    if (c < '0' || c > '9') return std::nullopt;
    out = out * 10 + (c - '0');
  }
  return out;
}

// How well an entry fits, higher is better; nothing: not at all.
std::optional<int> fit(const Platform& entry, const Platform& wanted) {
  if (entry.os.empty() && entry.architecture.empty()) return -1;  // it does not say: better than nothing
  if (entry.os != wanted.os || entry.architecture != wanted.architecture) return std::nullopt;
  if (entry.variant == wanted.variant) return 1000;
  auto has = level(entry.architecture, entry.variant), most = level(wanted.architecture, wanted.variant);
  if (!has || !most || *has > *most) return std::nullopt;
  return has;
}

}  // namespace

std::string Platform::text() const {
  std::string out = cat(os, '/', architecture);
  if (!variant.empty()) out += cat('/', variant);
  return out;
}

Platform host_platform() {
#if defined(__x86_64__)
  return {.os = "linux", .architecture = "amd64", .variant = ""};
#elif defined(__aarch64__)
  return {.os = "linux", .architecture = "arm64", .variant = ""};
#elif defined(__arm__)
  return {.os = "linux", .architecture = "arm", .variant = "v7"};
#elif defined(__i386__)
  return {.os = "linux", .architecture = "386", .variant = ""};
#elif defined(__riscv)
  return {.os = "linux", .architecture = "riscv64", .variant = ""};
#elif defined(__powerpc64__)
  return {.os = "linux", .architecture = "ppc64le", .variant = ""};
#elif defined(__s390x__)
  return {.os = "linux", .architecture = "s390x", .variant = ""};
#else
#error "no GOARCH name for this processor"
#endif
}

Result<Platform> parse_platform(std::string_view text) {
  std::string_view pieces[3];
  size_t count = 0;
  for (std::string_view rest = text; count < 3;) {
    size_t slash = rest.find('/');
    pieces[count++] = rest.substr(0, slash);
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
    if (count == 3) count = 4;  // a fourth piece
  }
  bool good = count <= 3;
  for (size_t i = 0; i < count && i < 3; ++i)
    good = good && !pieces[i].empty() &&
           pieces[i].find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
               std::string_view::npos;
  if (!good)
    return fail(Kind::kInvalid, cat("platform ", quote(text), " is not [OS/]ARCHITECTURE[/VARIANT]"));
  Platform out;
  if (count > 1) out.os = pieces[0];
  out.architecture = pieces[count > 1 ? 1 : 0];
  if (count > 2) out.variant = pieces[2];
  for (const HostRow& row : kAliases) {
    if (row.said != out.architecture) continue;
    out.architecture = row.architecture;
    if (out.variant.empty()) out.variant = row.variant;
  }
  return out;
}

Result<Descriptor> select_platform(const Index& index, const Platform& wanted) {
  const Descriptor* best = nullptr;
  int best_fit = 0;
  for (const Descriptor& entry : index.manifests) {
    auto how = fit(entry.platform, wanted);
    if (!how || (best != nullptr && *how <= best_fit)) continue;
    best = &entry;
    best_fit = *how;
  }
  if (best != nullptr) return *best;
  std::string there;
  for (const Descriptor& entry : index.manifests) {
    if (entry.platform.os == "unknown") continue;  // attestations of buildkit
    there += cat(there.empty() ? "" : ", ", entry.platform.text());
  }
  return fail(Kind::kNotFound, cat("the image is not built for ", wanted.text(), ", only for ",
                                   there.empty() ? std::string("nothing") : there));
}

}  // namespace shoji::images
