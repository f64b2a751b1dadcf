#include "spec/mount_options.h"

#include <sys/mount.h>

#include <algorithm>
#include <array>

namespace shoji {
namespace {

enum class Effect : uint8_t {
  kNothing,
  kSet,        // the attribute, and the superblock flag
  kClear,      // both
  kAtime,      // the access-time mode becomes `attr`
  kNotAtime,   // the access-time mode is not `attr` any longer, and relatime if it was
  kPropagate,  // `attr` is MS_SHARED, ..., with or without MS_REC
  kSwitch,     // `on` becomes true
};

struct Option {
  std::string_view name;
  Effect effect = Effect::kNothing;
  bool recursive = false;   // of the whole tree ("rro")
  uint64_t attr = 0;        // MOUNT_ATTR_*
  uint64_t superblock = 0;  // MS_*
  bool ParsedMountOptions::* on = nullptr;
};

constexpr Option attribute(std::string_view name, Effect effect, uint64_t attr, uint64_t superblock = 0) {
  return {name, effect, false, attr, superblock, nullptr};
}
constexpr Option tree(std::string_view name, Effect effect, uint64_t attr) {
  return {name, effect, true, attr, 0, nullptr};
}
constexpr Option superblock(std::string_view name, Effect effect, uint64_t flag) {
  return {name, effect, false, 0, flag, nullptr};
}
constexpr Option propagation(std::string_view name, uint64_t flags) {
  return {name, Effect::kPropagate, false, flags, 0, nullptr};
}
constexpr Option toggle(std::string_view name, bool ParsedMountOptions::* on) {
  return {name, Effect::kSwitch, false, 0, 0, on};
}
constexpr Option nothing(std::string_view name) {
  return {name, Effect::kNothing, false, 0, 0, nullptr};
}

using enum Effect;

// Alphabetical: the parser searches it by halves, and `features` prints it. "norelatime" changes nothing
// because relatime is the kernel's default and every other mode has an option of its own. "acl" is not here:
// the kernel takes it from the filesystem's own options.
constexpr auto kOptions = std::to_array<Option>({
    superblock("async", kClear, MS_SYNCHRONOUS),
    attribute("atime", kNotAtime, MOUNT_ATTR_NOATIME),
    toggle("bind", &ParsedMountOptions::bind),
    toggle("copy-symlink", &ParsedMountOptions::copy_symlink),
    nothing("defaults"),
    toggle("dest-nofollow", &ParsedMountOptions::dest_nofollow),
    attribute("dev", kClear, MOUNT_ATTR_NODEV),
    attribute("diratime", kClear, MOUNT_ATTR_NODIRATIME),
    superblock("dirsync", kSet, MS_DIRSYNC),
    attribute("exec", kClear, MOUNT_ATTR_NOEXEC),
    toggle("idmap", &ParsedMountOptions::idmap),
    superblock("iversion", kSet, MS_I_VERSION),
    superblock("lazytime", kSet, MS_LAZYTIME),
    superblock("loud", kClear, MS_SILENT),
    superblock("mand", kSet, MS_MANDLOCK),
    attribute("noatime", kAtime, MOUNT_ATTR_NOATIME),
    attribute("nodev", kSet, MOUNT_ATTR_NODEV),
    attribute("nodiratime", kSet, MOUNT_ATTR_NODIRATIME),
    attribute("noexec", kSet, MOUNT_ATTR_NOEXEC),
    superblock("noiversion", kClear, MS_I_VERSION),
    superblock("nolazytime", kClear, MS_LAZYTIME),
    superblock("nomand", kClear, MS_MANDLOCK),
    nothing("norelatime"),
    attribute("nostrictatime", kNotAtime, MOUNT_ATTR_STRICTATIME),
    attribute("nosuid", kSet, MOUNT_ATTR_NOSUID),
    attribute("nosymfollow", kSet, MOUNT_ATTR_NOSYMFOLLOW),
    propagation("private", MS_PRIVATE),
    tree("ratime", kNotAtime, MOUNT_ATTR_NOATIME),
    toggle("rbind", &ParsedMountOptions::recursive_bind),
    tree("rdev", kClear, MOUNT_ATTR_NODEV),
    tree("rdiratime", kClear, MOUNT_ATTR_NODIRATIME),
    attribute("relatime", kAtime, MOUNT_ATTR_RELATIME),
    toggle("remount", &ParsedMountOptions::remount),
    tree("rexec", kClear, MOUNT_ATTR_NOEXEC),
    toggle("ridmap", &ParsedMountOptions::recursive_idmap),
    tree("rnoatime", kAtime, MOUNT_ATTR_NOATIME),
    tree("rnodev", kSet, MOUNT_ATTR_NODEV),
    tree("rnodiratime", kSet, MOUNT_ATTR_NODIRATIME),
    tree("rnoexec", kSet, MOUNT_ATTR_NOEXEC),
    nothing("rnorelatime"),
    tree("rnostrictatime", kNotAtime, MOUNT_ATTR_STRICTATIME),
    tree("rnosuid", kSet, MOUNT_ATTR_NOSUID),
    tree("rnosymfollow", kSet, MOUNT_ATTR_NOSYMFOLLOW),
    attribute("ro", kSet, MOUNT_ATTR_RDONLY, MS_RDONLY),
    propagation("rprivate", MS_PRIVATE | MS_REC),
    tree("rrelatime", kAtime, MOUNT_ATTR_RELATIME),
    tree("rro", kSet, MOUNT_ATTR_RDONLY),
    tree("rrw", kClear, MOUNT_ATTR_RDONLY),
    propagation("rshared", MS_SHARED | MS_REC),
    propagation("rslave", MS_SLAVE | MS_REC),
    tree("rstrictatime", kAtime, MOUNT_ATTR_STRICTATIME),
    tree("rsuid", kClear, MOUNT_ATTR_NOSUID),
    tree("rsymfollow", kClear, MOUNT_ATTR_NOSYMFOLLOW),
    propagation("runbindable", MS_UNBINDABLE | MS_REC),
    attribute("rw", kClear, MOUNT_ATTR_RDONLY, MS_RDONLY),
    propagation("shared", MS_SHARED),
    superblock("silent", kSet, MS_SILENT),
    propagation("slave", MS_SLAVE),
    toggle("src-nofollow", &ParsedMountOptions::src_nofollow),
    attribute("strictatime", kAtime, MOUNT_ATTR_STRICTATIME),
    attribute("suid", kClear, MOUNT_ATTR_NOSUID),
    attribute("symfollow", kClear, MOUNT_ATTR_NOSYMFOLLOW),
    superblock("sync", kSet, MS_SYNCHRONOUS),
    toggle("tmpcopyup", &ParsedMountOptions::tmpcopyup),
    propagation("unbindable", MS_UNBINDABLE),
});
static_assert(std::ranges::is_sorted(kOptions, {}, &Option::name));

constexpr const Option* find_option(std::string_view name) {
  const auto* row = std::ranges::lower_bound(kOptions, name, {}, &Option::name);
  return row != kOptions.end() && row->name == name ? row : nullptr;
}

void apply(const Option& option, ParsedMountOptions& out) {
  uint64_t& set = option.recursive ? out.rec_attr_set : out.attr_set;
  uint64_t& clear = option.recursive ? out.rec_attr_clear : out.attr_clear;
  switch (option.effect) {
    case kNothing:
      break;
    case kSet:
      set |= option.attr;
      clear &= ~option.attr;
      out.superblock |= option.superblock;
      break;
    case kClear:
      set &= ~option.attr;
      clear |= option.attr;
      out.superblock &= ~option.superblock;
      break;
    case kAtime:
      // mount_setattr(2): a new access-time mode needs all of MOUNT_ATTR__ATIME in attr_clr.
      set = (set & ~uint64_t{MOUNT_ATTR__ATIME}) | option.attr;
      clear |= MOUNT_ATTR__ATIME;
      break;
    case kNotAtime:
      if ((set & MOUNT_ATTR__ATIME) == option.attr) set &= ~uint64_t{MOUNT_ATTR__ATIME};
      clear |= MOUNT_ATTR__ATIME;
      break;
    case kPropagate:
      out.propagation.push_back(option.attr);
      break;
    case kSwitch:
      out.*option.on = true;
      break;
  }
}

// SELinux contexts are the options whose value may be quoted, because it may have commas; mount(2)'s parser
// takes the quotes away, fsconfig(2) does not.
bool is_context(std::string_view key) {
  return key == "context" || key == "fscontext" || key == "defcontext" || key == "rootcontext";
}

// One entry of `options` may be several of the filesystem's: `lowerdir=/a,upperdir=/b`. They end at commas
// outside quotes; overlayfs also lets a backslash protect a comma.
void add_data(std::string_view entry, std::vector<std::pair<std::string, std::string>>& data) {
  while (!entry.empty()) {
    size_t end = 0;
    bool quoted = false;
    for (; end < entry.size() && (quoted || entry[end] != ','); ++end) {
      if (entry[end] == '"') quoted = !quoted;
      if (entry[end] == '\\' && end + 1 < entry.size()) ++end;
    }
    end = std::min(end, entry.size());
    std::string_view item = entry.substr(0, end);
    entry.remove_prefix(std::min(end + 1, entry.size()));
    if (item.empty()) continue;
    size_t equals = item.find('=');
    std::string_view key = item.substr(0, equals);
    std::string_view value = equals == item.npos ? std::string_view() : item.substr(equals + 1);
    if (is_context(key) && value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    data.emplace_back(key, value);
  }
}

}  // namespace

bool ParsedMountOptions::readonly() const {
  return ((attr_set | rec_attr_set) & MOUNT_ATTR_RDONLY) != 0;
}

std::string ParsedMountOptions::data_text() const {
  std::string out;
  for (const auto& [key, value] : data) {
    if (!out.empty()) out += ',';
    out += key;
    if (value.empty()) continue;
    bool quotes = is_context(key) && value.find(',') != value.npos;
    out += quotes ? cat("=\"", value, '"') : cat('=', value);
  }
  return out;
}

Result<ParsedMountOptions> parse_mount_options(const Mount& mount) {
  ParsedMountOptions out;
  for (const std::string& name : mount.options) {
    if (const Option* option = find_option(name)) {
      apply(*option, out);
    } else if (name.starts_with("idmap=") || name.starts_with("ridmap=")) {
      return fail(Kind::kUnsupported,
                  cat("mount option ", quote(name),
                      ": mappings inside the option are not supported, set uidMappings and "
                      "gidMappings of the mount"));
    } else {
      add_data(name, out.data);
    }
  }
  out.bind = out.bind || out.recursive_bind || mount.type == "bind";
  out.idmap = out.idmap || out.recursive_idmap || !mount.uid_mappings.empty() || !mount.gid_mappings.empty();
  return out;
}

std::vector<std::string_view> superblock_option_names(uint64_t flags) {
  static constexpr std::pair<uint64_t, std::string_view> kNames[] = {{MS_RDONLY, "ro"},
                                                                     {MS_SYNCHRONOUS, "sync"},
                                                                     {MS_DIRSYNC, "dirsync"},
                                                                     {MS_MANDLOCK, "mand"},
                                                                     {MS_LAZYTIME, "lazytime"}};
  std::vector<std::string_view> out;
  for (const auto& [flag, name] : kNames) {
    if ((flags & flag) != 0) out.push_back(name);
  }
  return out;
}

uint64_t propagation_flags(std::string_view name) {
  const Option* option = find_option(name);
  return option != nullptr && option->effect == kPropagate ? option->attr : 0;
}

std::vector<std::string_view> known_mount_options() {
  std::vector<std::string_view> out;
  out.reserve(kOptions.size());
  for (const Option& option : kOptions) out.push_back(option.name);
  return out;
}

}  // namespace shoji
