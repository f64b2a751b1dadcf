#include "images/unpack/layer_sink.h"

namespace shoji::images {

namespace {

constexpr std::string_view kPrefix = ".wh.";
constexpr std::string_view kReservedPrefix = ".wh..wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";

Failure bad_path(std::string_view path, std::string_view why) {
  // An endless name makes no sentence.
  return fail(Kind::kInvalid, cat("member ", quote(path.substr(0, 256)), ": ", why));
}

}  // namespace

Result<std::string> member_path(std::string_view path, const UnpackLimits& limits) {
  if (path.find('\0') != std::string_view::npos) return bad_path(path, "NUL in its name");
  std::string clean;
  size_t depth = 0;
  for (std::string_view rest = path; !rest.empty();) {
    size_t slash = rest.find('/');
    std::string_view part = rest.substr(0, slash);
    rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (depth == 0) return bad_path(path, "its name leads out of the root");
      size_t last = clean.rfind('/');
      clean.resize(last == std::string::npos ? 0 : last);
      --depth;
      continue;
    }
    if (part.size() > limits.name_bytes)
      return bad_path(path, cat("a name of ", part.size(), " bytes, more than ", limits.name_bytes,
                                " (limits.nameBytes)"));
    if (++depth > limits.depth)
      return bad_path(path, cat("more than ", limits.depth, " directories deep (limits.depth)"));
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  if (clean.size() > limits.path_bytes)
    return bad_path(path, cat("a path of ", clean.size(), " bytes, more than ", limits.path_bytes,
                              " (limits.pathBytes)"));
  return clean;
}

Whiteout whiteout_kind(std::string_view name) {
  name.remove_prefix(name.rfind('/') + 1);  // npos + 1 is 0
  if (!name.starts_with(kPrefix)) return Whiteout::kNone;
  if (name == kOpaque) return Whiteout::kOpaque;
  std::string_view hidden = name.substr(kPrefix.size());
  // ".wh." hides nothing, and ".wh..", ".wh..." would hide the directory itself and the one above it.
  bool names_nothing = hidden.empty() || hidden == "." || hidden == "..";
  return name.starts_with(kReservedPrefix) || names_nothing ? Whiteout::kReserved : Whiteout::kFile;
}

bool is_layer_xattr(std::string_view name) {
  return !name.starts_with("trusted.overlay.") && !name.starts_with("user.overlay.") &&
         name != "security.selinux" && name != "security.ima" && name != "security.evm";
}

}  // namespace shoji::images
