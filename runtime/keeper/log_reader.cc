#include "runtime/keeper/log_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <vector>

#include "base/io.h"
#include "base/json.h"

namespace shoji {

namespace {

std::optional<LogLine> parse_json_record(std::string_view record) {
  auto document = JsonDocument::parse(std::string(record), "log");
  if (!document) return std::nullopt;
  Json root = document->root();
  auto text = root.find("log").as_string(), stream = root.find("stream").as_string(),
       time = root.find("time").as_string();
  if (!text || !stream || !time) return std::nullopt;
  return LogLine{.stream = *stream == "stderr" ? LogStream::kStderr : LogStream::kStdout,
                 .time = std::string(*time),
                 .text = std::string(*text)};
}

// TIME STREAM F|P LINE
std::optional<LogLine> parse_text_record(std::string_view record) {
  std::string_view words[3];
  for (std::string_view& word : words) {
    size_t blank = record.find(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    word = record.substr(0, blank);
    record.remove_prefix(blank + 1);
  }
  if (words[1] != "stdout" && words[1] != "stderr") return std::nullopt;
  return LogLine{.stream = words[1] == "stderr" ? LogStream::kStderr : LogStream::kStdout,
                 .time = std::string(words[0]),
                 .text = cat(record, words[2] == "P" ? "" : "\n")};
}

bool wanted(const LogLine& line, const LogQuery& query) {
  if (query.stream && *query.stream != line.stream) return false;
  if (!query.since.empty() && line.time < query.since) return false;
  if (!query.until.empty() && line.time > query.until) return false;
  return query.grep.empty() || line.text.contains(query.grep);
}

// A file of the log, read in pieces; a record that is not whole yet waits for its end.
class File {
 public:
  explicit File(UniqueFd fd) : fd_(std::move(fd)) {}
  [[nodiscard]] int fd() const { return fd_.get(); }

  // Calls `each` with every record that is there now; false when it returned false.
  Result<bool> read_on(const std::function<bool(const LogLine&)>& each) {
    char buffer[32 << 10];
    while (true) {
      ssize_t size = pread(fd_.get(), buffer, sizeof buffer, at_);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return fail_errno(errno, "read the log");
      if (size == 0) return true;
      at_ += size;
      rest_.append(buffer, static_cast<size_t>(size));
      size_t begin = 0;
      for (size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
        auto line = parse_log_record(std::string_view(rest_).substr(begin, end - begin));
        if (line && !each(*line)) return false;
      }
      rest_.erase(0, begin);
    }
  }
  // The file was emptied, because it is the only one: it is read from its start.
  void look_for_truncation() {
    struct stat info{};
    if (fstat(fd_.get(), &info) != 0 || info.st_size >= at_) return;
    at_ = 0;
    rest_.clear();
  }
  [[nodiscard]] bool is(const struct stat& other) const {
    struct stat info{};
    return fstat(fd_.get(), &info) == 0 && info.st_ino == other.st_ino && info.st_dev == other.st_dev;
  }

 private:
  UniqueFd fd_;
  off_t at_ = 0;
  std::string rest_;
};

// Every file that there is, oldest first.
std::vector<File> open_files(int directory) {
  std::vector<File> out;
  for (uint32_t i = 1;; ++i) {
    auto fd = open_at(directory, cat("log.", i), O_RDONLY | O_NOFOLLOW);
    if (!fd) break;
    out.insert(out.begin(), File(std::move(*fd)));
  }
  if (auto fd = open_at(directory, "log", O_RDONLY | O_NOFOLLOW)) out.emplace_back(std::move(*fd));
  return out;
}

// The file that was begun after `current`: there may be several by now. Nothing: `current` is still the newest.
std::optional<File> file_behind(int directory, const std::optional<File>& current) {
  std::string newer;
  for (uint32_t i = 0;; ++i) {
    std::string name = i == 0 ? "log" : cat("log.", i);
    struct stat info{};
    bool there = fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
    if ((there && current && current->is(info)) || (!there && i > 0)) break;
    if (there) newer = name;
  }
  if (newer.empty()) return std::nullopt;
  auto fd = open_at(directory, newer, O_RDONLY | O_NOFOLLOW);
  if (!fd) return std::nullopt;
  return File(std::move(*fd));
}

// Waits until something happens in the directory, or 200 ms.
class Watch {
 public:
  explicit Watch(const std::string& directory) : fd_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    if (fd_) inotify_add_watch(fd_.get(), directory.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO);
  }
  void wait() const {
    pollfd events{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    poll(&events, 1, 200);
    char buffer[4096];
    while (fd_ && read(fd_.get(), buffer, sizeof buffer) > 0) {
    }
  }

 private:
  UniqueFd fd_;
};

Result<> follow(const std::string& path, int directory, std::optional<File> file,
                const std::function<bool(const LogLine&)>& each, const std::function<bool()>& ended) {
  Watch watch(path);
  while (true) {
    // Asked before reading: what was written until then is read below.
    bool over = ended();
    if (file) {
      file->look_for_truncation();
      TRY_ASSIGN(bool more, file->read_on(each));
      if (!more) return {};
    }
    if (std::optional<File> next = file_behind(directory, file)) {
      // What came into the old one between our last look and the rotation.
      if (file) {
        TRY_ASSIGN(bool more, file->read_on(each));
        if (!more) return {};
      }
      file = std::move(next);
      continue;
    }
    if (over) return {};
    watch.wait();
  }
}

}  // namespace

std::optional<LogLine> parse_log_record(std::string_view record) {
  return record.starts_with('{') ? parse_json_record(record) : parse_text_record(record);
}

Result<> read_log(const std::string& directory, const LogQuery& query,
                  const std::function<bool(const LogLine&)>& take, const std::function<bool()>& ended) {
  TRY_ASSIGN(UniqueFd dir, open_file(directory, O_RDONLY | O_DIRECTORY));
  std::vector<File> files = open_files(dir.get());
  std::deque<LogLine> last;
  auto each = [&](const LogLine& line) {
    if (!wanted(line, query)) return true;
    if (!query.tail) return take(line);
    last.push_back(line);
    if (last.size() > *query.tail) last.pop_front();
    return true;
  };
  for (File& file : files) {
    TRY_ASSIGN(bool more, file.read_on(each));
    if (!more) return {};
  }
  for (const LogLine& line : last)
    if (!take(line)) return {};
  if (!query.follow) return {};
  std::optional<File> newest;
  if (!files.empty()) newest.emplace(std::move(files.back()));
  return follow(
      directory, dir.get(), std::move(newest),
      [&](const LogLine& line) { return !wanted(line, query) || take(line); }, ended);
}

}  // namespace shoji
