#include "images/template/root_tree.h"

#include <algorithm>

#include "images/blobs/hash.h"
#include "images/unpack/layer_sink.h"

namespace shoji::images {

namespace {

// What is made by a machine, or by the moment of the build. A slash at the end: what is below, not the directory.
constexpr std::string_view kOfTheMachine[] = {
    "dev/", "proc/", "run/", "sys/", "tmp/", "etc/.pwd.lock", "etc/hostname", "etc/resolv.conf",
    "etc/ssh/ssh_host_",
    "usr/share/shoji",  // written anew
    "var/cache/apt/", "var/cache/ldconfig/aux-cache", "var/cache/man/", "var/lib/apt/lists/",
    "var/lib/dbus/machine-id", "var/lib/dpkg/lock", "var/lib/dpkg/lock-frontend",
    "var/lib/dpkg/triggers/Lock", "var/lib/systemd/random-seed",
    // Copies of what was before.
    "etc/group-", "etc/gshadow-", "etc/passwd-", "etc/shadow-", "etc/subgid-", "etc/subuid-",
    "var/cache/debconf/config.dat-old", "var/cache/debconf/passwords.dat-old",
    "var/cache/debconf/templates.dat-old", "var/lib/dpkg/available-old", "var/lib/dpkg/diversions-old",
    "var/lib/dpkg/statoverride-old", "var/lib/dpkg/status-old"};

constexpr std::string_view kLogs = "var/log/";  // of these the directories stay: programs want them

bool at_or_below(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

bool of_the_machine(std::string_view path) {
  return std::ranges::any_of(kOfTheMachine, [path](std::string_view rule) {
    if (rule.ends_with('/') || rule.ends_with('_'))
      return path.size() > rule.size() && path.starts_with(rule);
    return at_or_below(path, rule);
  });
}

std::string facts_of(const TarEntry& entry, const std::string& link) {
  std::string out = cat(static_cast<int>(entry.type), ' ', entry.mode, ' ', entry.uid, ' ', entry.gid, ' ',
                        entry.size, ' ', entry.device_major, ' ', entry.device_minor, ' ', link, '\n');
  auto xattrs = entry.xattrs;
  std::ranges::sort(xattrs);
  for (const auto& [name, value] : xattrs) out += cat(name, '=', value, '\n');
  return out;
}

// Reads the member's bytes; `keep` gets them where the caller wants to look inside.
Result<std::string> digest_content(const TarEntry& entry, TarReader& data, std::string* keep) {
  Hasher hasher;
  for (const Extent& extent : entry.extents) hasher.update(cat(extent.offset, ' ', extent.size, '\n'));
  for (;;) {
    TRY_ASSIGN(std::span<const char> piece, data.peek());
    if (piece.empty()) break;
    hasher.update(piece);
    if (keep != nullptr) keep->append(piece.data(), piece.size());
    data.consume(piece.size());
  }
  return hasher.finish().hex();
}

std::string_view field(std::string_view stanza, std::string_view name) {
  while (!stanza.empty()) {
    std::string_view line = stanza.substr(0, stanza.find('\n'));
    stanza.remove_prefix(std::min(stanza.size(), line.size() + 1));
    if (line.starts_with(name) && line.substr(name.size()).starts_with(": "))
      return line.substr(name.size() + 2);
  }
  return {};
}

// /var/lib/dpkg/status (deb-control(5))
void add_installed(std::string_view status, std::vector<std::string>& packages) {
  while (!status.empty()) {
    const size_t end = status.find("\n\n");
    std::string_view stanza = status.substr(0, end);
    status.remove_prefix(end == std::string_view::npos ? status.size() : end + 2);
    if (!field(stanza, "Status").ends_with(" installed")) continue;
    packages.push_back(
        cat(field(stanza, "Package"), ' ', field(stanza, "Version"), ' ', field(stanza, "Architecture")));
  }
}

// "var/cache/apt/archives/busybox_1%3a1.35.0-4_amd64.deb": a colon cannot be in a file's name.
void add_archive(std::string_view path, std::vector<std::string>& packages) {
  std::string name(path.substr(path.rfind('/') + 1, path.size() - path.rfind('/') - 1 - 4));
  for (size_t at = name.find("%3a"); at != std::string::npos; at = name.find("%3a")) name.replace(at, 3, ":");
  std::ranges::replace(name, '_', ' ');
  packages.push_back(std::move(name));
}

void add_lines(std::string_view text, std::vector<std::string>& lines) {
  for (; text.find('\n') != std::string_view::npos; text.remove_prefix(text.find('\n') + 1))
    lines.emplace_back(text.substr(0, text.find('\n')));
}

// Looks at one member before it may be left out.
struct Scan {
  RootTree tree;
  std::vector<std::string> archives;
  std::string status, list;

  Result<> add(const std::string& path, const TarEntry& entry, TarReader& data, const UnpackLimits& limits,
               const std::vector<std::string>& remove, const BuildTimes& times) {
    if (path.starts_with("var/cache/apt/archives/") && path.ends_with(".deb")) add_archive(path, archives);
    const bool is_status = path == "var/lib/dpkg/status", is_list = path == kPackageList;
    if (left_out(path, remove) && !is_status && !is_list) return {};
    // Members of a package's control.tar have the date of its changelog, and dpkg keeps it.
    if (path.starts_with("var/lib/dpkg/info/") && path.ends_with(".md5sums"))
      tree.packages_time = std::max(tree.packages_time, entry.mtime);
    if (entry.type == EntryType::kFile && !times.during(entry.mtime))
      tree.files_time = std::max(tree.files_time, entry.mtime);
    RootMember member{.type = entry.type, .facts = {}, .content = {}, .link = {}, .mtime = entry.mtime};
    TRY_ASSIGN(member.content, digest_content(entry, data, is_status ? &status : is_list ? &list : nullptr));
    if (entry.type == EntryType::kHardLink) {
      TRY_ASSIGN(member.link, member_path(entry.link, limits));
    }
    member.facts = facts_of(entry, entry.type == EntryType::kHardLink ? member.link : entry.link);
    if (!left_out(path, remove)) tree.members[path] = std::move(member);
    return {};
  }
};

}  // namespace

bool left_out(std::string_view path, const std::vector<std::string>& remove) {
  if (of_the_machine(path)) return true;
  return std::ranges::any_of(remove, [path](std::string_view rule) {
    rule.remove_prefix(1);  // they are absolute
    if (rule.ends_with("/*"))
      return path.size() > rule.size() - 1 && path.starts_with(rule.substr(0, rule.size() - 1));
    return at_or_below(path, rule);
  });
}

Result<RootTree> scan_root(ByteSource& tar, const UnpackLimits& limits,
                           const std::vector<std::string>& remove, const BuildTimes& times) {
  TarReader reader(tar, limits);
  Scan scan;
  TarEntry entry;
  for (;;) {
    TRY_ASSIGN(bool more, reader.next(entry));
    if (!more) break;
    TRY_ASSIGN(std::string path, member_path(entry.path, limits));
    if (path.starts_with(kLogs) && entry.type != EntryType::kDirectory) continue;
    if (!path.empty()) TRY(scan.add(path, entry, reader, limits, remove, times));
  }
  RootTree& tree = scan.tree;
  add_installed(scan.status, tree.packages);
  // Packages that were only extracted are in no database: by the names of their files, or by what was written down then.
  if (tree.packages.empty()) tree.packages = std::move(scan.archives);
  if (tree.packages.empty()) add_lines(scan.list, tree.packages);
  std::ranges::sort(tree.packages);
  return std::move(scan.tree);
}

}  // namespace shoji::images
