#include "runtime/keeper/log_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/io.h"
#include "base/json_text.h"

namespace shoji {

namespace {

constexpr size_t kLongestLine = 16 << 10;  // bytes; docker's, containerd's and podman's
constexpr size_t kFlushAt = 32 << 10;      // bytes of records that are collected for one write(2)
constexpr const char* kFile = "log";

std::string older(uint32_t number) {
  return number == 0 ? kFile : cat(kFile, '.', number);
}

}  // namespace

Result<LogWriter> LogWriter::open(const std::string& directory, const LogBounds& bounds) {
  TRY_ASSIGN(UniqueFd dir, shoji::open_file(directory, O_RDONLY | O_DIRECTORY));
  LogWriter out(std::move(dir), bounds);
  TRY(out.open_file());
  if (out.size_ == 0) return out;
  // A writer that was killed in the middle of a record: what follows begins on a line of its own.
  char last = '\n';
  if (pread(out.file_.get(), &last, 1, static_cast<off_t>(out.size_ - 1)) == 1 && last != '\n') {
    out.out_ += '\n';
    ++out.size_;
    TRY(out.flush());
  }
  return out;
}

Result<> LogWriter::open_file() {
  TRY_ASSIGN(file_, open_at(directory_.get(), kFile, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0640));
  struct stat info{};
  if (fstat(file_.get(), &info) != 0) return fail_errno(errno, "look at the log");
  size_ = static_cast<uint64_t>(info.st_size);
  return {};
}

Result<> LogWriter::rotate() {
  TRY(flush());
  if (bounds_.max_files <= 1) {
    if (ftruncate(file_.get(), 0) != 0) return fail_errno(errno, "empty the log");
    size_ = 0;
    return {};
  }
  for (uint32_t i = bounds_.max_files - 1; i > 0; --i) {
    std::string from = older(i - 1), to = older(i);
    if (renameat(directory_.get(), from.c_str(), directory_.get(), to.c_str()) != 0 && errno != ENOENT)
      return fail_errno(errno, cat("rotate the log ", quote(from)));
  }
  return open_file();
}

Result<> LogWriter::flush() {
  if (out_.empty()) return {};
  Result<> written = write_all(file_.get(), out_, kFile);
  out_.clear();
  return written;
}

void LogWriter::stamp(const timespec& now) {
  if (now.tv_sec != stamped_.tv_sec) {
    tm utc{};
    gmtime_r(&now.tv_sec, &utc);
    snprintf(time_, sizeof time_, "%04d-%02d-%02dT%02d:%02d:%02d.", utc.tm_year + 1900, utc.tm_mon + 1,
             utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
  }
  snprintf(time_ + 20, sizeof time_ - 20, "%09ldZ", now.tv_nsec);
  stamped_ = now;
}

Result<> LogWriter::put_line(LogStream stream, std::string_view line, bool whole) {
  size_t before = out_.size();
  std::string_view name = stream == LogStream::kStdout ? "stdout" : "stderr";
  if (bounds_.format == LogForm::kJson) {
    out_ += R"({"log":)";
    append_json_string(out_, line);
    if (whole) {
      out_.pop_back();
      out_ += R"(\n")";
    }
    out_ += cat(R"(,"stream":")", name, R"(","time":")", std::string_view(time_), "\"}\n");
  } else {
    out_ += cat(std::string_view(time_), ' ', name, whole ? " F " : " P ");
    out_.append(line);
    out_ += '\n';
  }
  size_t record = out_.size() - before;
  if (size_ + record > bounds_.max_size && size_ > 0) {
    std::string kept = out_.substr(before);
    out_.resize(before);
    TRY(rotate());
    out_ = std::move(kept);
  }
  size_ += record;
  return out_.size() >= kFlushAt ? flush() : Result<>{};
}

Result<> LogWriter::take(LogStream stream, std::string_view bytes, const timespec& now) {
  stamp(now);
  std::string& rest = rest_[static_cast<size_t>(stream)];
  while (!bytes.empty()) {
    size_t end = bytes.find('\n');
    size_t room = kLongestLine - rest.size();
    size_t length = std::min({end == std::string_view::npos ? bytes.size() : end, room});
    bool whole = end != std::string_view::npos && end == length;
    if (!whole && length < room) {
      rest.append(bytes);
      break;
    }
    if (rest.empty()) {
      TRY(put_line(stream, bytes.substr(0, length), whole));
    } else {
      rest.append(bytes, 0, length);
      TRY(put_line(stream, rest, whole));
      rest.clear();
    }
    bytes.remove_prefix(length + (whole ? 1 : 0));
  }
  return flush();
}

Result<> LogWriter::end(LogStream stream, const timespec& now) {
  std::string& rest = rest_[static_cast<size_t>(stream)];
  if (rest.empty()) return {};
  stamp(now);
  TRY(put_line(stream, rest, false));
  rest.clear();
  return flush();
}

}  // namespace shoji
