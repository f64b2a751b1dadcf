// Limits of directories, on real filesystems: loop images on whatever the temporary directory is on, btrfs quota groups
// on a btrfs made here, project quotas where the kernel knows them.
#include "images/quota/quota.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/io.h"
#include "base/spawn.h"
#include "images/quota/ext4_image.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::images;

namespace {

constexpr uint64_t kMiB = 1 << 20;

std::string explain(const Result<>& result) {
  return result ? "" : result.error().text;
}

int shell(const std::string& command) {
  SpawnRequest request{.path = "/bin/sh",
                       .args = {"sh", "-c", command},
                       .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"},
                       .join = {}};
  auto done = run_captured(request, "", 60'000);
  if (!done) return -1;
  if (done->status != 0) WARN(command + ": " + done->out + done->err);
  return exit_code(done->status);
}

// A directory that is gone at the end.
class Scratch {
 public:
  Scratch() {
    const char* where = getenv("TMPDIR");
    path_ = cat(where != nullptr ? where : "/tmp", "/shoji-quota-XXXXXX");
    if (mkdtemp(path_.data()) == nullptr) abort();
  }
  ~Scratch() { ignore(remove_tree(path_), "nothing more can be done"); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A filesystem of its own, on a file.
class Filesystem {
 public:
  Filesystem(const std::string& mkfs, const std::string& options, uint64_t mib) {
    const std::string file = scratch_.path() + "/fs";
    made_ = mkdir(path().c_str(), 0755) == 0 && shell(cat("truncate -s ", mib, "M ", file)) == 0 &&
            shell(cat(mkfs, " ", file)) == 0 &&
            shell(cat("mount -o loop", options.empty() ? "" : ",", options, " ", file, " ", path())) == 0;
  }
  ~Filesystem() {
    if (made_) umount2(path().c_str(), MNT_DETACH);
  }
  Filesystem(const Filesystem&) = delete;
  Filesystem& operator=(const Filesystem&) = delete;
  [[nodiscard]] bool made() const { return made_; }
  [[nodiscard]] std::string path() const { return scratch_.path() + "/mnt"; }

 private:
  Scratch scratch_;
  bool made_ = false;
};

// Writes as a program in a container does: through an overlay (which drops CAP_SYS_RESOURCE, so that root is limited
// too). How many bytes went in, and what stopped it.
class Overlay {
 public:
  explicit Overlay(const std::string& limited) : point_(limited + "-merged") {
    mkdir((limited + "/lower").c_str(), 0755);
    mkdir((limited + "/upper").c_str(), 0755);
    mkdir((limited + "/work").c_str(), 0755);
    mkdir(point_.c_str(), 0755);
    mounted_ = shell(cat("mount -t overlay overlay -o lowerdir=", limited, "/lower,upperdir=", limited,
                         "/upper,workdir=", limited, "/work ", point_)) == 0;
  }
  ~Overlay() {
    umount2(point_.c_str(), MNT_DETACH);
    rmdir(point_.c_str());
  }
  Overlay(const Overlay&) = delete;
  Overlay& operator=(const Overlay&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] const std::string& path() const { return point_; }

 private:
  std::string point_;
  bool mounted_;
};

struct Written {
  uint64_t bytes = 0;
  int err = 0;
};

Written fill(const std::string& file, uint64_t most) {
  Written written;
  UniqueFd fd(open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd) return {0, errno};
  const std::string block(65536, 'x');
  while (written.bytes < most) {
    ssize_t n = write(fd.get(), block.data(), block.size());
    if (n < 0) {
      written.err = errno;
      break;
    }
    written.bytes += static_cast<uint64_t>(n);
  }
  if (written.err == 0 && fsync(fd.get()) != 0) written.err = errno;
  return written;
}

uint64_t make_files(const std::string& directory, uint64_t most, int& err) {
  uint64_t count = 0;
  for (; count < most; ++count) {
    UniqueFd fd(open(cat(directory, "/n", count).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    err = fd ? 0 : errno;
    if (!fd) break;
  }
  return count;
}

bool full(int err) {
  return err == ENOSPC || err == EDQUOT;
}

void sync_filesystem(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(syncfs(fd.get()) == 0);
}

// What holds for every kind: a limit in bytes that stops a container only, is told, grows and shrinks in use.
void check_bytes(const std::string& base, QuotaKind kind) {
  const std::string place = base + "/limited";
  auto made = make_limited_directory(place, {.bytes = 32 * kMiB, .inodes = 0});
  INFO((made ? "" : made.error().text));
  REQUIRE(made);
  CHECK(*made == kind);
  CHECK(make_limited_directory(place, {.bytes = kMiB, .inodes = 0}).error().kind == Kind::kExists);
  auto usage = quota_usage(place);
  REQUIRE(usage);
  CHECK(usage->kind == kind);
  CHECK(usage->limits.bytes == 32 * kMiB);
  CHECK(usage->bytes < kMiB);
  {
    Overlay overlay(place);
    REQUIRE(overlay.mounted());
    const std::string file = overlay.path() + "/file";
    Written written = fill(file, 64 * kMiB);
    CHECK(full(written.err));
    CHECK(written.bytes > 28 * kMiB);
    CHECK(written.bytes <= 32 * kMiB);
    CHECK(fill(base + "/outside", 40 * kMiB).err == 0);
    sync_filesystem(place);
    usage = quota_usage(place);
    REQUIRE(usage);
    CHECK(usage->bytes >= written.bytes);
    CHECK(usage->bytes <= 32 * kMiB);

    auto below = set_quota(place, {.bytes = 16 * kMiB, .inodes = 0});
    REQUIRE_FALSE(below);
    CHECK(below.error().kind == Kind::kState);
    CHECK(below.error().text.find(" it holds ") != std::string::npos);

    CHECK(explain(set_quota(place, {.bytes = 64 * kMiB, .inodes = 0})).empty());
    CHECK(quota_usage(place)->limits.bytes == 64 * kMiB);
    written = fill(file, 64 * kMiB);
    CHECK(full(written.err));
    CHECK(written.bytes > 28 * kMiB);
    CHECK(written.bytes <= 34 * kMiB);

    // btrfs reserves room even for making a file shorter.
    CHECK(explain(set_quota(place, {.bytes = 0, .inodes = 0})).empty());
    REQUIRE(truncate(file.c_str(), 0) == 0);
    CHECK(explain(set_quota(place, {.bytes = 16 * kMiB, .inodes = 0})).empty());
    written = fill(file, 64 * kMiB);
    CHECK(full(written.err));
    CHECK(written.bytes <= 16 * kMiB);
  }
  CHECK(explain(remove_limited_directory(place)).empty());
  CHECK(access(place.c_str(), F_OK) != 0);
  CHECK(access((place + ".img").c_str(), F_OK) != 0);
  CHECK(explain(remove_limited_directory(place)).empty());  // absent is fine
  CHECK(quota_usage(place).error().kind == Kind::kNotFound);
}

// `slack`: how many more than asked an image may have.
void check_inodes(const std::string& base, QuotaKind kind, uint64_t slack) {
  const std::string place = base + "/few";
  auto made = make_limited_directory(place, {.bytes = 64 * kMiB, .inodes = 500});
  INFO((made ? "" : made.error().text));
  REQUIRE(made);
  CHECK(*made == kind);
  {
    Overlay overlay(place);
    REQUIRE(overlay.mounted());
    int err = 0;
    const uint64_t before = quota_usage(place)->inodes;
    const uint64_t count = make_files(overlay.path(), 2000, err);
    CHECK(full(err));
    auto usage = quota_usage(place);
    REQUIRE(usage);
    CHECK(usage->inodes == before + count);
    CHECK(usage->limits.inodes >= 500);
    CHECK(usage->limits.inodes <= 500 + slack);
    CHECK(usage->inodes <= usage->limits.inodes);
    CHECK(usage->inodes + 2 >= usage->limits.inodes);
    CHECK_FALSE(set_quota(place, {.bytes = 64 * kMiB, .inodes = 100}));
  }
  CHECK(explain(remove_limited_directory(place)).empty());
}

}  // namespace

TEST_CASE("how large images are made") {
  // Sparse, with room to grow.
  CHECK(image_size({.bytes = 100 * kMiB, .inodes = 0}, 0).bytes == 4096 * kMiB);
  CHECK(image_size({.bytes = 4096 * kMiB, .inodes = 0}, 0).bytes == 32768 * kMiB);
  CHECK(image_size({.bytes = uint64_t{1} << 40, .inodes = 0}, 0).bytes > uint64_t{1} << 40);
  CHECK(image_size({}, 1000 * kMiB).inodes == 8000 * kMiB / 16384);
  // A number of inodes bounds the number of groups.
  const ImageSize few = image_size({.bytes = 10 * kMiB, .inodes = 100}, 0);
  CHECK(few.inodes == 100 + kImageOwnInodes);
  CHECK(few.bytes == kImageGroup);
  CHECK(image_size({.bytes = 10 * kMiB, .inodes = 1'000'000}, 0).bytes == 4096 * kMiB);
}

TEST_CASE("bytes in a loop image") {
  Scratch scratch;
  REQUIRE(quota_kind(scratch.path()) == QuotaKind::kLoop);
  CHECK(quota_kind(scratch.path() + "/not/yet") == QuotaKind::kLoop);
  check_bytes(scratch.path(), QuotaKind::kLoop);
}

TEST_CASE("inodes in a loop image") {
  Scratch scratch;
  check_inodes(scratch.path(), QuotaKind::kLoop, 16);
}

TEST_CASE("a loop image comes back with what it holds") {
  Scratch scratch;
  const std::string place = scratch.path() + "/disk";
  REQUIRE(make_limited_directory(place, {.bytes = 32 * kMiB, .inodes = 0}));
  struct stat host{}, inside{};
  REQUIRE(stat((place + ".img").c_str(), &host) == 0);
  CHECK(host.st_blocks * 512 < static_cast<blkcnt_t>(kMiB));  // sparse
  CHECK(fill(place + "/file", kMiB).err == 0);
  const uint64_t used = quota_usage(place)->bytes;
  CHECK(explain(activate_limited_directory(place)).empty());  // it is there already
  CHECK(explain(deactivate_limited_directory(place)).empty());
  CHECK(explain(deactivate_limited_directory(place)).empty());
  CHECK(access((place + "/file").c_str(), F_OK) != 0);
  auto usage = quota_usage(place);
  REQUIRE(usage);
  CHECK(usage->bytes == used);  // from the superblock
  CHECK(usage->limits.bytes == 32 * kMiB);
  CHECK(explain(set_quota(place, {.bytes = 48 * kMiB, .inodes = 0})).empty());
  CHECK(access((place + "/file").c_str(), F_OK) != 0);  // unmounted as it was
  CHECK(explain(activate_limited_directory(place)).empty());
  CHECK(stat((place + "/file").c_str(), &inside) == 0);
  CHECK(inside.st_size == static_cast<off_t>(kMiB));
  CHECK(quota_usage(place)->limits.bytes == 48 * kMiB);
  {
    UniqueFd busy(open(place.c_str(), O_RDONLY | O_CLOEXEC));
    CHECK(deactivate_limited_directory(place).error().err == EBUSY);
    CHECK(explain(remove_limited_directory(place)).empty());
  }
  CHECK(access(place.c_str(), F_OK) != 0);
}

TEST_CASE("an image that is in use elsewhere is not mounted twice") {
  Scratch scratch;
  const std::string place = scratch.path() + "/disk", other = scratch.path() + "/other";
  REQUIRE(make_limited_directory(place, {.bytes = 32 * kMiB, .inodes = 0}));
  // A mount that survives at another place.
  REQUIRE(mkdir(other.c_str(), 0755) == 0);
  REQUIRE(mount(place.c_str(), other.c_str(), nullptr, MS_BIND, nullptr) == 0);
  CHECK(explain(deactivate_limited_directory(place)).empty());
  auto again = activate_limited_directory(place);
  CHECK(again.error().kind == Kind::kState);
  REQUIRE(umount2(other.c_str(), 0) == 0);
  CHECK(explain(activate_limited_directory(place)).empty());
  CHECK(explain(remove_limited_directory(place)).empty());
}

TEST_CASE("a loop image survives a power cut") {
  Scratch scratch;
  const std::string place = scratch.path() + "/disk", after = scratch.path() + "/after";
  REQUIRE(make_limited_directory(place, {.bytes = 32 * kMiB, .inodes = 0}));
  CHECK(fill(place + "/file", kMiB).err == 0);  // fsync(2) included
  CHECK(fill(place + "/second", 3 * kMiB).err == 0);
  // What is on the disk at this moment: the filesystem was never unmounted.
  REQUIRE(shell(cat("cp --sparse=always --preserve=all ", place, ".img ", after, ".img; mkdir ", after)) ==
          0);
  CHECK(explain(activate_limited_directory(after)).empty());
  struct stat st{};
  CHECK(stat((after + "/second").c_str(), &st) == 0);
  CHECK(st.st_size == static_cast<off_t>(3 * kMiB));
  CHECK(full(fill(after + "/file", 64 * kMiB).err));
  CHECK(explain(remove_limited_directory(after)).empty());
  CHECK(explain(remove_limited_directory(place)).empty());
}

TEST_CASE("what make left half done is removed, and made again") {
  Scratch scratch;
  const std::string place = scratch.path() + "/disk";
  REQUIRE(shell(cat("echo x >", place, ".img.new; echo x >", place, ".img")) == 0);
  SECTION("made again") {
    REQUIRE(make_limited_directory(place, {.bytes = 32 * kMiB, .inodes = 0}));
    CHECK(access((place + ".img.new").c_str(), F_OK) != 0);
  }
  SECTION("not an image") {
    CHECK(activate_limited_directory(place).error().text.find(".img") != std::string::npos);
  }
  CHECK(explain(remove_limited_directory(place)).empty());
  CHECK(shell(cat("test -z \"$(ls ", scratch.path(), ")\"")) == 0);
}

TEST_CASE("a loop image grows beyond what it was made for", "[vm]") {  // EXT4_IOC_RESIZE_FS: CAP_SYS_RESOURCE
  Scratch scratch;
  const std::string place = scratch.path() + "/disk";
  REQUIRE(make_limited_directory(place, {.bytes = 32 * kMiB, .inodes = 500}));
  CHECK(fill(place + "/file", kMiB).err == 0);
  const uint64_t inodes = quota_usage(place)->limits.inodes;
  CHECK(explain(set_quota(place, {.bytes = 32 * kMiB, .inodes = 5000})).empty());
  auto usage = quota_usage(place);
  REQUIRE(usage);
  CHECK(usage->limits.bytes == 32 * kMiB);
  CHECK(inodes < 5000);
  CHECK(usage->limits.inodes >= 5000);
  CHECK(usage->limits.inodes < 5600);
  CHECK(explain(set_quota(place, {.bytes = 20'000 * kMiB, .inodes = 5000})).empty());
  CHECK(quota_usage(place)->limits.bytes == 20'000 * kMiB);
  struct stat st{};
  REQUIRE(stat((place + "/file").c_str(), &st) == 0);
  CHECK(st.st_size == static_cast<off_t>(kMiB));
  CHECK(explain(deactivate_limited_directory(place)).empty());
  CHECK(shell(cat("e2fsck -fn ", place, ".img")) == 0);
  CHECK(explain(activate_limited_directory(place)).empty());
  CHECK(quota_usage(place)->limits.bytes == 20'000 * kMiB);
  CHECK(explain(remove_limited_directory(place)).empty());
}

// A process that makes, uses and removes a limited directory is killed at any moment; whatever it leaves, remove and
// make mend.
void kill_at_random(const std::string& base, int rounds) {
  const std::string place = base + "/killed";
  unsigned seed = 12345;
  for (int round = 0; round < rounds; ++round) {
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      for (int i = 0; i < 100; ++i) {
        if (!make_limited_directory(place, {.bytes = 32 * kMiB, .inodes = 0})) _exit(1);
        if (!set_quota(place, {.bytes = 48 * kMiB, .inodes = 0})) _exit(2);
        if (!deactivate_limited_directory(place) || !activate_limited_directory(place)) _exit(3);
        if (!remove_limited_directory(place)) _exit(4);
      }
      _exit(5);
    }
    seed = seed * 1103515245 + 12345;
    usleep(seed / 65536 % 40'000);
    kill(pid, SIGKILL);
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    INFO("round " << round << ", exit status " << exit_code(status));
    CHECK(WIFSIGNALED(status));
    if (access(place.c_str(), F_OK) == 0 && round % 2 == 0) {
      CHECK(explain(activate_limited_directory(place)).empty());
      CHECK(quota_usage(place));
    }
    REQUIRE(explain(remove_limited_directory(place)).empty());
    REQUIRE(access(place.c_str(), F_OK) != 0);
    REQUIRE(access((place + ".img").c_str(), F_OK) != 0);
    REQUIRE(access((place + ".img.new").c_str(), F_OK) != 0);
  }
}

TEST_CASE("a loop image survives kill -9", "[fault]") {
  Scratch scratch;
  kill_at_random(scratch.path(), 40);
}

TEST_CASE("a btrfs subvolume with a quota group") {
  Filesystem fs("mkfs.btrfs -q", "", 512);
  REQUIRE(fs.made());
  SECTION("quota groups are not turned on by us") {
    CHECK(quota_kind(fs.path()) == QuotaKind::kLoop);
    check_bytes(fs.path(), QuotaKind::kLoop);
    CHECK(quota_kind(fs.path()) == QuotaKind::kLoop);
  }
  SECTION("quota groups are on") {
    REQUIRE(shell("btrfs quota enable " + fs.path()) == 0);
    CHECK(quota_kind(fs.path()) == QuotaKind::kBtrfs);
    check_bytes(fs.path(), QuotaKind::kBtrfs);
    check_inodes(fs.path(), QuotaKind::kLoop, 16);  // which btrfs does not count
    const std::string place = fs.path() + "/x";
    REQUIRE(make_limited_directory(place, {.bytes = 32 * kMiB, .inodes = 0}) == QuotaKind::kBtrfs);
    CHECK(set_quota(place, {.bytes = 0, .inodes = 10}).error().kind == Kind::kUnsupported);
    CHECK(explain(set_quota(place, {})).empty());
    CHECK(quota_usage(place)->limits.bytes == 0);
    CHECK(explain(remove_limited_directory(place)).empty());
    kill_at_random(fs.path(), 20);
  }
}

TEST_CASE("project quotas of ext4", "[vm]") {
  Filesystem fs("mkfs.ext4 -q -O quota,project", "prjquota", 512);
  REQUIRE(fs.made());
  CHECK(quota_kind(fs.path()) == QuotaKind::kProject);
  check_bytes(fs.path(), QuotaKind::kProject);
  check_inodes(fs.path(), QuotaKind::kProject, 0);
  kill_at_random(fs.path(), 10);
}

TEST_CASE("project quotas of xfs", "[vm]") {
  Filesystem fs("mkfs.xfs -q", "prjquota", 512);
  REQUIRE(fs.made());
  CHECK(quota_kind(fs.path()) == QuotaKind::kProject);
  check_bytes(fs.path(), QuotaKind::kProject);
  check_inodes(fs.path(), QuotaKind::kProject, 0);
  kill_at_random(fs.path(), 10);
}
