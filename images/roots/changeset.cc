#include "images/roots/changeset.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "images/roots/root_view.h"
#include "images/roots/xattrs.h"
#include "images/tar/tar_writer.h"

namespace shoji::images {
namespace {

constexpr size_t kBufferSize = 256 << 10;

class ChangesetWriter {
 public:
  ChangesetWriter(int root, ByteSink& out) : root_(root), writer_(out), buffer_(kBufferSize, '\0') {}
  Result<> add(const Change& change);
  Result<> finish() { return writer_.finish(); }

 private:
  Result<> add_whiteout(const std::string& path);
  Result<> add_file(TarEntry& entry, const struct stat& st);
  Result<> write_range(int file, const Extent& extent, const std::string& path);
  int root_;
  TarWriter writer_;
  std::string buffer_;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;  // first names of files with several
};

// layer.md, "Whiteouts": an empty file beside what is not there any more.
Result<> ChangesetWriter::add_whiteout(const std::string& path) {
  TarEntry entry;
  size_t slash = path.rfind('/');
  entry.path = cat(path.substr(0, slash + 1), ".wh.", path.substr(slash + 1));
  return writer_.header(entry);
}

// Sockets have no place in an archive; who needs one binds it anew.
bool entry_type(mode_t mode, EntryType& type) {
  struct Row {
    mode_t format;
    EntryType type;
  };
  constexpr Row kRows[] = {{S_IFREG, EntryType::kFile},        {S_IFDIR, EntryType::kDirectory},
                           {S_IFLNK, EntryType::kSymlink},     {S_IFCHR, EntryType::kCharDevice},
                           {S_IFBLK, EntryType::kBlockDevice}, {S_IFIFO, EntryType::kFifo}};
  for (const Row& row : kRows)
    if ((mode & S_IFMT) == row.format) {
      type = row.type;
      return true;
    }
  return false;
}

// What the kernel keeps for itself, and labels, which the next host's policy gives.
bool is_kept(std::string_view name) {
  return !name.starts_with("trusted.overlay.") && !name.starts_with("user.overlay.") &&
         name != "security.selinux";
}

Result<> fill_entry(int fd, const struct stat& st, TarEntry& entry) {
  entry.mode = st.st_mode & 07777;
  entry.uid = st.st_uid;
  entry.gid = st.st_gid;
  entry.mtime = st.st_mtim.tv_sec;
  entry.mtime_ns = static_cast<uint32_t>(st.st_mtim.tv_nsec);
  entry.device_major = major(st.st_rdev);
  entry.device_minor = minor(st.st_rdev);
  if (entry.type == EntryType::kSymlink) {
    entry.link.resize(4096);
    ssize_t n = readlinkat(fd, "", entry.link.data(), entry.link.size());
    if (n < 0) return fail_errno(errno, cat("read link ", quote(entry.path)));
    entry.link.resize(static_cast<size_t>(n));
  }
  // The descriptor was opened with O_PATH: in /proc it stands for the thing itself, also for a symbolic link.
  TRY_ASSIGN(auto attributes, list_opened_xattrs(fd));
  for (auto& attribute : attributes)
    if (is_kept(attribute.first)) entry.xattrs.push_back(std::move(attribute));
  return {};
}

// Where there is data; a file without holes has none to tell of.
void find_extents(int file, TarEntry& entry, const struct stat& st) {
  if (st.st_size == 0 || static_cast<uint64_t>(st.st_blocks) * 512 >= entry.size) return;
  for (off_t at = 0; at < st.st_size;) {
    off_t data = lseek(file, at, SEEK_DATA);
    if (data < 0 || data >= st.st_size) break;
    off_t hole = lseek(file, data, SEEK_HOLE);
    if (hole < 0 || hole > st.st_size) hole = st.st_size;
    entry.extents.push_back({static_cast<uint64_t>(data), static_cast<uint64_t>(hole - data)});
    at = hole;
  }
  bool whole = entry.extents.size() == 1 && entry.extents.front().size == entry.size;
  if (whole) entry.extents.clear();
  entry.sparse = !whole;
}

Result<> ChangesetWriter::write_range(int file, const Extent& extent, const std::string& path) {
  for (uint64_t done = 0; done < extent.size;) {
    size_t want = std::min<uint64_t>(buffer_.size(), extent.size - done);
    ssize_t n = pread(file, buffer_.data(), want, static_cast<off_t>(extent.offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(errno, cat("read ", quote(path)));
    // A file that shrank while it was read: its header has told the size.
    if (n == 0) std::fill_n(buffer_.begin(), want, '\0');
    size_t got = n == 0 ? want : static_cast<size_t>(n);
    TRY(writer_.data({buffer_.data(), got}));
    done += got;
  }
  return {};
}

Result<> ChangesetWriter::add_file(TarEntry& entry, const struct stat& st) {
  auto file = open_below(root_, entry.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file && file.error().kind == Kind::kNotFound) return {};
  if (!file) return Failure(std::move(file).error());
  entry.size = static_cast<uint64_t>(st.st_size);
  find_extents(file->get(), entry, st);
  TRY(writer_.header(entry));
  if (!entry.sparse) return write_range(file->get(), {0, entry.size}, entry.path);
  for (const Extent& extent : entry.extents) TRY(write_range(file->get(), extent, entry.path));
  return {};
}

Result<> ChangesetWriter::add(const Change& change) {
  std::string path = change.path.substr(1);
  if (change.kind == ChangeKind::kDeleted) return add_whiteout(path);
  auto fd = open_below(root_, path, O_PATH | O_NOFOLLOW);
  if (!fd && fd.error().kind == Kind::kNotFound) return {};  // gone meanwhile
  if (!fd) return Failure(std::move(fd).error());
  struct stat st{};
  if (fstat(fd->get(), &st) != 0) return fail_errno(errno, cat("inspect ", quote(change.path)));
  TarEntry entry;
  entry.path = path;
  if (!entry_type(st.st_mode, entry.type)) return {};
  TRY(fill_entry(fd->get(), st, entry));
  if (entry.type != EntryType::kDirectory && st.st_nlink > 1) {
    auto [first, is_new] = linked_.try_emplace({st.st_dev, st.st_ino}, path);
    if (!is_new) {
      entry.type = EntryType::kHardLink;
      entry.link = first->second;
      return writer_.header(entry);
    }
  }
  return entry.type == EntryType::kFile ? add_file(entry, st) : writer_.header(entry);
}

}  // namespace

Result<> write_changeset(const Store& store, const Root& root, ByteSink& tar) {
  TRY_ASSIGN(RootView view, view_root(store, root));
  ChangesetWriter writer(view.root.get(), tar);
  TRY(walk_changes(view, [&](const Change& change) { return writer.add(change); }));
  return writer.finish();
}

}  // namespace shoji::images
