#include "runtime/keeper/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"

namespace shoji {

namespace {

constexpr const char* kNames[] = {"stdout", "stderr"};

timespec now() {
  timespec out{};
  clock_gettime(CLOCK_REALTIME, &out);
  return out;
}

}  // namespace

Result<Output> Output::open(const std::string& directory, std::optional<LogWriter> log) {
  Output out;
  out.log_ = std::move(log);
  for (size_t i = 0; i < 2; ++i) {
    std::string path = cat(directory, '/', kNames[i]);
    if (mkfifo(path.c_str(), 0600) != 0 && errno != EEXIST)
      return fail_errno(errno, cat("make FIFO ", quote(path)));
    TRY_ASSIGN(out.fifos_[i], open_file(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW));
  }
  return out;
}

Result<> Output::become_standard(const std::string& directory) const {
  TRY_ASSIGN(UniqueFd nothing, open_file("/dev/null", O_RDWR));
  if (dup2(nothing.get(), STDIN_FILENO) < 0) return fail_errno(errno, "dup2");
  for (int i = 0; i < 2; ++i) {
    // Not our own descriptors: programs do not expect theirs to be non-blocking.
    TRY_ASSIGN(UniqueFd end, open_file(cat(directory, '/', kNames[i]), O_RDWR | O_NOFOLLOW));
    if (dup2(end.get(), STDOUT_FILENO + i) < 0) return fail_errno(errno, "dup2");
  }
  return {};
}

Result<> Output::take(LogStream stream) {
  char buffer[16 << 10];
  // A busy writer must not keep us from everything else.
  for (int round = 0; round < 8; ++round) {
    ssize_t size = read(fd(stream), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return {};
    if (size < 0) return fail_errno(errno, cat("read the program's ", kNames[static_cast<size_t>(stream)]));
    if (size == 0) return {};
    if (log_) TRY(log_->take(stream, std::string_view(buffer, static_cast<size_t>(size)), now()));
  }
  return {};
}

Result<> Output::drain() {
  for (LogStream stream : {LogStream::kStdout, LogStream::kStderr}) {
    // A FIFO holds 64 KiB; somebody outside who writes on must not hold us here.
    for (int i = 0; i < 4; ++i) TRY(take(stream));
    if (log_) TRY(log_->end(stream, now()));
  }
  return {};
}

}  // namespace shoji
