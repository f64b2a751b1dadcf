#include "images/template/root_layer.h"

#include <set>

#include "images/tar/tar_writer.h"
#include "images/unpack/layer_sink.h"

namespace shoji::images {

namespace {

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

bool is_directory(const RootTree& tree, const std::string& path) {
  auto found = tree.members.find(path);
  return path.empty() || (found != tree.members.end() && found->second.type == EntryType::kDirectory);
}

// The members that differ from the base. A file and its hard links are one thing: a link cannot reach into a layer below.
std::set<std::string> changed_members(const RootTree& tree, const RootTree& base, const BuildTimes& times) {
  std::set<std::string> changed, files;
  for (const auto& [path, member] : tree.members) {
    auto below = base.members.find(path);
    if (below != base.members.end() && below->second.facts == member.facts &&
        below->second.content == member.content && times.of(below->second.mtime) == times.of(member.mtime))
      continue;
    changed.insert(path);
    if (member.type == EntryType::kHardLink) files.insert(member.link);
    if (member.type == EntryType::kFile) files.insert(path);
  }
  for (const auto& [path, member] : tree.members)
    if (files.contains(path) || (member.type == EntryType::kHardLink && files.contains(member.link)))
      changed.insert(path);
  return changed;
}

Result<> write_whiteouts(const RootTree& tree, const RootTree& base, const BuildTimes& times,
                         TarWriter& writer) {
  for (const auto& [path, member] : base.members) {
    const std::string parent = parent_of(path);
    // Below what is hidden or no directory any more, everything is gone with it.
    if (tree.members.contains(path) || !is_directory(tree, parent)) continue;
    TarEntry entry;
    entry.path =
        cat(parent, parent.empty() ? "" : "/", ".wh.", path.substr(parent.empty() ? 0 : parent.size() + 1));
    entry.mode = 0644;
    entry.mtime = times.epoch;
    TRY(writer.header(entry));
  }
  return {};
}

Result<> copy_member(TarEntry& entry, TarReader& reader, TarWriter& writer) {
  TRY(writer.header(entry));
  for (;;) {
    TRY_ASSIGN(std::span<const char> piece, reader.peek());
    if (piece.empty()) return {};
    TRY(writer.data(piece));
    reader.consume(piece.size());
  }
}

Result<> write_packages(const RootTree& tree, const BuildTimes& times, TarWriter& writer) {
  std::string list;
  for (const std::string& package : tree.packages) list += cat(package, '\n');
  TarEntry entry;
  entry.mtime = times.epoch;
  entry.type = EntryType::kDirectory;
  entry.mode = 0755;
  for (const char* directory : {"usr", "usr/share", "usr/share/shoji"}) {
    if (tree.members.contains(directory)) continue;
    entry.path = cat(directory, '/');
    TRY(writer.header(entry));
  }
  entry.path = kPackageList;
  entry.type = EntryType::kFile;
  entry.mode = 0644;
  entry.size = list.size();
  TRY(writer.header(entry));
  return writer.data(list);
}

}  // namespace

Result<> write_root(ByteSource& tar, const UnpackLimits& limits, const RootTree& tree, const RootTree& base,
                    const BuildTimes& times, ByteSink& out) {
  TarWriter writer(out);
  TarReader reader(tar, limits);
  const std::set<std::string> changed = changed_members(tree, base, times);
  TRY(write_whiteouts(tree, base, times, writer));
  TarEntry entry;
  for (;;) {
    TRY_ASSIGN(bool more, reader.next(entry));
    if (!more) break;
    TRY_ASSIGN(std::string path, member_path(entry.path, limits));
    if (!changed.contains(path)) continue;
    const RootMember& member = tree.members.at(path);
    if (member.type == EntryType::kHardLink) {
      if (!tree.members.contains(member.link))
        return fail(Kind::kInvalid,
                    cat("\"/", path, "\" is a hard link to \"/", member.link, "\", which is removed"));
      entry.link = member.link;
    }
    entry.path = entry.type == EntryType::kDirectory ? path + '/' : path;
    entry.mtime = times.of(entry.mtime);
    entry.mtime_ns = 0;
    TRY(copy_member(entry, reader, writer));
  }
  TRY(write_packages(tree, times, writer));
  return writer.finish();
}

}  // namespace shoji::images
