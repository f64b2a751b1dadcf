// What unpacking and composing costs at most in memory, for as many entries as the limits allow.
#include <sys/wait.h>

#include "base/io.h"
#include "tests/catch.h"
#include "tests/images/composed_root.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::tests;

namespace {

constexpr uint64_t kEntries = 600'000;  // UnpackLimits::entries
constexpr uint64_t kLimit = 48 << 10;   // KiB beyond what the process had before: with it, within 64 MiB

// A tar archive that exists nowhere: directories of 300 small files.
class EndlessArchive final : public ByteSource {
 public:
  explicit EndlessArchive(uint64_t entries) : left_(entries) {}
  Result<size_t> read(std::span<char> into) override {
    while (at_ == buffer_.size() && !ended_) fill();
    size_t size = std::min(into.size(), buffer_.size() - at_);
    memcpy(into.data(), buffer_.data() + at_, size);
    at_ += size;
    return size;
  }

 private:
  void fill() {
    TarBuilder tar;
    for (int i = 0; i < 300 && left_ > 0; i++, --left_) {
      std::string directory = cat("usr/lib/module-", left_ / 300);
      if (left_ % 300 == 0) {
        tar.add({.name = directory + "/", .type = '5', .mode = "0000755"});
      } else {
        tar.add({.name = cat(directory, "/file-name-", left_, ".js"), .contents = cat("module ", left_)});
      }
    }
    ended_ = left_ == 0;
    buffer_ = ended_ ? tar.end() : tar.unfinished();
    at_ = 0;
  }
  uint64_t left_;
  size_t at_ = 0;
  bool ended_ = false;
  std::string buffer_;
};

// KiB of a line of /proc/self/status.
uint64_t status_number(std::string_view key) {
  std::string status = read_file("/proc/self/status").value_or("");
  size_t at = status.find(key);
  return at == std::string::npos ? 0 : strtoull(status.c_str() + at + key.size(), nullptr, 10);
}

// Runs in a child of its own; returns the KiB that it needed at most beyond what it began with, or 0.
uint64_t needed_by(const std::string& path) {
  Store store = make_store(path);
  uint64_t before = status_number("VmRSS:");
  if (!write_kernel_file("/proc/self/clear_refs", "5")) return 0;  // the peak begins anew (proc(5))
  EndlessArchive archive(kEntries);
  Result<Digest> layer = unpack_layer(store, Digest(), archive, LayerFormat::kComposed);
  if (!layer || !prepare_image(store, image_of({*layer}), LayerFormat::kComposed)) return 0;
  return status_number("VmHWM:") - before;
}

}  // namespace

TEST_CASE("600,000 files are unpacked and composed within 64 MiB", "[native][memory]") {
  ScratchDirectory scratch;
  int results[2];
  REQUIRE(pipe(results) == 0);
  UniqueFd from(results[0]), to(results[1]);
  pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    uint64_t needed = needed_by(scratch.path + "/store");
    _exit(write(to.get(), &needed, sizeof needed) == sizeof needed ? 0 : 1);
  }
  to.reset();
  uint64_t needed = 0;
  CHECK(read(from.get(), &needed, sizeof needed) == sizeof needed);
  REQUIRE(waitpid(pid, nullptr, 0) == pid);
  INFO(needed << " KiB");
  CHECK(needed > 0);
  CHECK(needed < kLimit);
}
