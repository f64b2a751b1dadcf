#pragma once
// A directory tree as lines of text, one for each file, so that two trees can be compared: what tar could say about it.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/io.h"
#include "images/blobs/hash.h"

namespace shoji::images::tests {

struct ListingOptions {
  bool directory_times = true;
  bool overlay_xattrs = false;  // trusted.overlay.*, user.overlay.*
  bool contents = true;
  bool listed_whiteouts = false;
  bool link_counts = true;  // overlayfs says 1 for merged directories, and counts names that are hidden
};

class TreeLister {
 public:
  explicit TreeLister(ListingOptions options = {}) : options_(options) {}
  // `root`: of the tree, O_PATH or a detached mount.
  std::vector<std::string> list(int root) {
    visit(root, ".", "/");
    for (auto& [inode, names] : links_)
      if (names.size() > 1) {
        std::ranges::sort(names);
        std::string line = "links";
        for (const std::string& name : names) line += " " + name;
        lines_.push_back(line);
      }
    std::ranges::sort(lines_);
    return lines_;
  }

 private:
  std::string xattrs(const std::string& path) {
    char list[65536];
    ssize_t size = llistxattr(path.c_str(), list, sizeof list);
    std::vector<std::string> found;
    for (ssize_t at = 0; at < size;) {
      std::string name = list + at;
      at += static_cast<ssize_t>(name.size()) + 1;
      bool overlay = name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.");
      if ((overlay && !options_.overlay_xattrs) || name == "security.selinux") continue;
      char value[65536];
      ssize_t bytes = lgetxattr(path.c_str(), name.c_str(), value, sizeof value);
      std::string hex;
      for (ssize_t i = 0; i < bytes; i++) {
        char digits[4];
        snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(value[i]));
        hex += digits;
      }
      found.push_back(name + "=" + hex);
    }
    std::ranges::sort(found);
    std::string text;
    for (const std::string& one : found) text += " " + one;
    return text;
  }

  std::string content(int at, const std::string& name, const struct stat& facts) {
    if (S_ISLNK(facts.st_mode)) {
      char target[4097];
      ssize_t bytes = readlinkat(at, name.c_str(), target, sizeof target);
      return " -> " + std::string(target, static_cast<size_t>(std::max<ssize_t>(bytes, 0)));
    }
    if (!S_ISREG(facts.st_mode) || !options_.contents) return "";
    Result<std::string> text = read_file_at(at, name);
    return text ? " " + digest_of(*text).short_text() : " unreadable: " + text.error().text;
  }

  void visit(int at, const std::string& name, const std::string& path) {
    struct stat facts{};
    if (fstatat(at, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
      // overlayfs lists the whiteouts of a directory that a single layer has; nothing can be done with them.
      if (errno == ENOENT && options_.listed_whiteouts) return;
      lines_.push_back(path + " missing");
      return;
    }
    bool directory = S_ISDIR(facts.st_mode);
    std::string line = path + " " + std::to_string(facts.st_mode) + " " + std::to_string(facts.st_uid) + ":" +
                       std::to_string(facts.st_gid);
    if (options_.link_counts) line += " links=" + std::to_string(facts.st_nlink);
    if (!directory) line += " size=" + std::to_string(facts.st_size);
    if (!directory || options_.directory_times)
      line += " " + std::to_string(facts.st_mtim.tv_sec) + "." + std::to_string(facts.st_mtim.tv_nsec);
    if (S_ISCHR(facts.st_mode) || S_ISBLK(facts.st_mode))
      line += " " + std::to_string(major(facts.st_rdev)) + ":" + std::to_string(minor(facts.st_rdev));
    line += content(at, name, facts);
    line += xattrs("/proc/self/fd/" + std::to_string(at) + "/" + name);
    lines_.push_back(line);
    if (!directory && facts.st_nlink > 1) links_[facts.st_ino].push_back(path);
    if (!directory) return;
    int fd = openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
      lines_.push_back(path + " cannot be opened");
      return;
    }
    DIR* stream = fdopendir(fd);
    while (dirent* entry = readdir(stream)) {
      std::string child = entry->d_name;
      if (child != "." && child != "..") visit(fd, child, (path == "/" ? path : path + "/") + child);
    }
    closedir(stream);
  }

  ListingOptions options_;
  std::vector<std::string> lines_;
  std::map<ino_t, std::vector<std::string>> links_;
};

inline std::vector<std::string> list_tree(int root, ListingOptions options = {}) {
  return TreeLister(options).list(root);
}

// What only one of two listings has, a line each; empty: they are equal.
inline std::string difference(const std::vector<std::string>& ours, const std::vector<std::string>& theirs) {
  std::string text;
  auto only = [&](const char* sign, const auto& in, const auto& not_in) {
    for (const std::string& line : in)
      if (std::ranges::find(not_in, line) == not_in.end() && text.size() < 4000) text += sign + line + "\n";
  };
  only("+", ours, theirs);
  only("-", theirs, ours);
  return text;
}

}  // namespace shoji::images::tests
