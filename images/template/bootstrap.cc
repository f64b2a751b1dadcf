#include "images/template/bootstrap.h"

#include <unistd.h>

#include <cstdlib>

#include "base/spawn.h"

namespace shoji::images {

namespace {

constexpr int kTimeoutMs = 3'600'000;  // the network may be slow
constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string shell_quote(std::string_view text) {
  std::string out = "'";
  for (char c : text) c == '\'' ? out += "'\\''" : out += c;
  return out + '\'';
}

// /bin may be a link to usr/bin: what is unpacked below it goes where it leads.
std::string unpack_hook(const std::string& tar) {
  return cat(R"(tar -C "$1" --xattrs --xattrs-include='*' --numeric-owner --keep-directory-symlink -xpf )",
             shell_quote(tar));
}

std::string run_hook(const std::string& command) {
  return cat("env -i ", kPath,
             " HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive SOURCE_DATE_EPOCH=", kScriptEpoch,
             R"( chroot "$1" /bin/sh -ec )", shell_quote(command));
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += cat(out.empty() ? "" : ",", word);
  return out;
}

// Its complaints, or else the end of what it said.
std::string complaint(std::string_view err) {
  std::string errors, last;
  while (!err.empty()) {
    std::string_view line = err.substr(0, err.find('\n'));
    err.remove_prefix(std::min(err.size(), line.size() + 1));
    if (line.starts_with("E: ")) errors += cat(errors.empty() ? "" : "; ", line.substr(3));
    if (!line.empty()) last = line;
  }
  return errors.empty() ? last : errors.substr(0, 4096);
}

}  // namespace

std::vector<std::string> bootstrap_arguments(const Bootstrap& b) {
  std::vector<std::string> args = {"mmdebstrap", "--quiet", "--mode=root", "--format=directory",
                                   R"(--aptopt=Acquire::Retries "3")",
                                   // A build that a power cut ends is begun anew.
                                   "--dpkgopt=force-unsafe-io"};
  const bool extends = !b.base_tar.empty();
  args.push_back(cat("--variant=", extends ? "custom" : b.variant));
  for (const std::string& pattern : b.exclude) args.push_back("--dpkgopt=path-exclude=" + pattern);
  if (!b.packages.empty()) args.push_back("--include=" + joined(b.packages));
  if (extends) {
    args.emplace_back("--skip=check/empty");
    if (b.packages.empty()) args.emplace_back("--skip=update");
    args.push_back("--setup-hook=" + unpack_hook(b.base_tar));
  }
  // Their names carry the versions, which nothing else knows where packages are only extracted.
  if (!extends && b.variant == "extract") args.emplace_back("--skip=cleanup/apt/cache");
  if (!b.files_tar.empty()) args.push_back("--customize-hook=" + unpack_hook(b.files_tar));
  for (const std::string& command : b.run) args.push_back("--customize-hook=" + run_hook(command));
  args.push_back(b.suite);
  args.push_back(b.root);
  args.insert(args.end(), b.sources.begin(), b.sources.end());
  return args;
}

Result<> run_bootstrap(const Bootstrap& bootstrap) {
  if (access("/usr/bin/mmdebstrap", X_OK) != 0)
    return fail(Kind::kUnsupported, "build a template: mmdebstrap is not installed");
  // Mounts and processes of their own, which end with unshare(1), which ends with us: a build that is killed leaves a
  // directory below the store's tmp/ and nothing else.
  SpawnRequest request{.path = "/usr/bin/unshare",
                       .args = {"unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"},
                       .env = {kPath, "LC_ALL=C.UTF-8", cat("SOURCE_DATE_EPOCH=", kScriptEpoch),
                               "PYTHONHASHSEED=0", "DEBIAN_FRONTEND=noninteractive"},
                       .join = {}};
  for (const char* proxy : {"http_proxy", "https_proxy", "no_proxy"})
    if (const char* value = getenv(proxy); value != nullptr) request.env.push_back(cat(proxy, '=', value));
  for (std::string& argument : bootstrap_arguments(bootstrap)) request.args.push_back(std::move(argument));
  TRY_ASSIGN(Captured done, run_captured(request, "", kTimeoutMs));
  if (done.timed_out)
    return fail(Kind::kSystem, cat("mmdebstrap ", bootstrap.suite, ": still not ready after an hour"));
  if (done.status != 0)
    return fail(Kind::kSystem, cat("mmdebstrap ", bootstrap.suite, ": ", status_text(done.status), ": ",
                                   complaint(done.err)));
  return {};
}

}  // namespace shoji::images
