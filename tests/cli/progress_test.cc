#include "cli/image/progress.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "base/fd.h"
#include "base/io.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::cli::image;
using images::Digest;
using images::TransferStage;

namespace {

const Digest kOne = Digest::make(images::HashAlgorithm::kSha256, std::string(64, 'a'));
const Digest kTwo = Digest::make(images::HashAlgorithm::kSha256, std::string(64, 'b'));

// What is written to a pipe, or to a terminal of so many columns.
struct Screen {
  UniqueFd ours, theirs;
  explicit Screen(unsigned short columns = 0) {
    if (columns == 0) {
      int fds[2];
      REQUIRE(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
      ours.reset(fds[0]);
      theirs.reset(fds[1]);
      return;
    }
    ours.reset(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    REQUIRE((grantpt(ours.get()) == 0 && unlockpt(ours.get()) == 0));
    char name[64];
    REQUIRE(ptsname_r(ours.get(), name, sizeof name) == 0);
    theirs.reset(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    winsize size{.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    REQUIRE(ioctl(theirs.get(), TIOCSWINSZ, &size) == 0);
  }
  // What was written since the last call, up to a mark that text() writes itself: a terminal's bytes reach the
  // other side by a worker of the kernel (tty_flip_buffer_push), so what one read returns may end anywhere.
  [[nodiscard]] std::string text() const {
    constexpr char kMark = '\x04';
    REQUIRE(write(theirs.get(), &kMark, 1) == 1);
    std::string all;
    while (all.empty() || all.back() != kMark) {
      pollfd readable{.fd = ours.get(), .events = POLLIN, .revents = 0};
      REQUIRE(poll(&readable, 1, 10'000) == 1);
      char buffer[4096];
      ssize_t n = read(ours.get(), buffer, sizeof buffer);
      REQUIRE(n > 0);
      all.append(buffer, static_cast<size_t>(n));
    }
    all.pop_back();
    return all;
  }
};

}  // namespace

TEST_CASE("progress on a pipe is a line for each stage of a layer") {
  Screen screen;
  auto progress = make_lines(screen.theirs.get());
  progress->say("pulling x:1");
  progress->layer(kOne, TransferStage::kWaiting, 0, 0);
  for (uint64_t done : {0, 1000, 2048}) progress->layer(kOne, TransferStage::kDownloading, done, 2048);
  progress->layer(kTwo, TransferStage::kAlreadyThere, 0, 0);
  progress->layer(kOne, TransferStage::kDone, 2048, 2048);
  CHECK(screen.text() ==
        "pulling x:1\naaaaaaaaaaaa: downloading 2.0 KiB\nbbbbbbbbbbbb: already there\n"
        "aaaaaaaaaaaa: done 2.0 KiB\n");
}

TEST_CASE("progress as JSON is one object a line, the last byte always told") {
  Screen screen;
  auto progress = make_json_lines(screen.theirs.get());
  progress->say("pulling \"x\"");
  for (uint64_t done = 0; done <= 2048; ++done)
    progress->layer(kOne, TransferStage::kDownloading, done, 2048);
  std::string text = screen.text();
  CHECK(text.starts_with(
      "{\"event\":\"message\",\"text\":\"pulling \\\"x\\\"\"}\n{\"event\":\"layer\",\"digest\":\"sha256:aa"));
  CHECK(text.ends_with("\"stage\":\"downloading\",\"done\":2048,\"total\":2048}\n"));
  CHECK(std::count(text.begin(), text.end(), '\n') < 100);
}

TEST_CASE("bars fit the terminal, and what is over stays above them") {
  for (unsigned short columns : {20, 40, 80, 200}) {
    Screen screen(columns);
    {
      auto progress = make_bars(screen.theirs.get(), false);
      progress->layer(kOne, TransferStage::kDownloading, 1024, 2048);
      std::string drawn = screen.text();
      CHECK(drawn.starts_with("aaaaaaaaaaaa"));
      CHECK(drawn.find('\n') < columns + size_t{1});
      CHECK((drawn.find('[') != std::string::npos) == (columns >= 80));
      progress->layer(kTwo, TransferStage::kUnpacking, 1, 2048);
      CHECK(screen.text().starts_with("\x1b[A\r\x1b[K"));
      progress->layer(kOne, TransferStage::kDone, 2048, 2048);
      std::string after = screen.text();
      CHECK(after.find("aaaaaaaaaaaa  done") < after.find("bbbbbbbbbbbb"));
      CHECK(after.find("\x1b[3") == std::string::npos);  // no colour
    }
    CHECK(screen.text() == "\x1b[A\r\x1b[K");
  }
}
