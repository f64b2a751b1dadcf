// Both ends of a partition's log.
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "base/io.h"
#include "runtime/keeper/log_reader.h"
#include "tests/catch.h"

using namespace shoji;

namespace {

struct LogDirectory {
  std::string path;
  LogDirectory() {
    char name[] = "/tmp/shoji-log.XXXXXX";
    path = mkdtemp(name);
  }
  ~LogDirectory() { ignore(remove_tree(path), "the test is over"); }
  LogDirectory(const LogDirectory&) = delete;
  LogDirectory& operator=(const LogDirectory&) = delete;
};

timespec at(time_t second, long nanosecond = 0) {
  return {1'700'000'000 + second, nanosecond};
}

std::vector<LogLine> lines(const LogDirectory& directory, const LogQuery& query = {}) {
  std::vector<LogLine> out;
  REQUIRE(read_log(
      directory.path, query,
      [&](const LogLine& line) {
        out.push_back(line);
        return true;
      },
      [] { return true; }));
  return out;
}

LogWriter writer(const LogDirectory& directory, const LogBounds& bounds = {}) {
  return std::move(LogWriter::open(directory.path, bounds)).value();
}

}  // namespace

TEST_CASE("lines of a log come back as they were written, in both forms") {
  for (LogForm form : {LogForm::kJson, LogForm::kText}) {
    LogDirectory directory;
    LogWriter log = writer(directory, {.format = form});
    REQUIRE(log.take(LogStream::kStdout, "one\ntw", at(0)));
    REQUIRE(log.take(LogStream::kStderr, "err \"quoted\" \\ \n", at(1)));
    REQUIRE(log.take(LogStream::kStdout, "o\n\nunfinished", at(2, 5)));
    REQUIRE(log.end(LogStream::kStdout, at(3)));
    std::vector<LogLine> all = lines(directory);
    REQUIRE(all.size() == 5);
    CHECK(all[0].text == "one\n");
    CHECK(all[0].time == "2023-11-14T22:13:20.000000000Z");
    CHECK(all[1].stream == LogStream::kStderr);
    CHECK(all[1].text == "err \"quoted\" \\ \n");
    CHECK(all[2].text == "two\n");
    CHECK(all[2].time == "2023-11-14T22:13:22.000000005Z");
    CHECK(all[3].text == "\n");
    CHECK(all[4].text == "unfinished");
  }
}

TEST_CASE("a log line without end is kept in pieces") {
  LogDirectory directory;
  LogWriter log = writer(directory);
  std::string line(40'000, 'x');
  for (size_t i = 0; i < line.size(); i += 777)
    REQUIRE(log.take(LogStream::kStdout, std::string_view(line).substr(i, 777), at(0)));
  REQUIRE(log.take(LogStream::kStdout, "\n", at(1)));
  std::string together;
  for (const LogLine& piece : lines(directory)) together += piece.text;
  CHECK(together == line + "\n");
}

TEST_CASE("a log stays within its bound and loses the oldest lines only") {
  for (uint32_t files : {1U, 3U}) {
    LogDirectory directory;
    LogWriter log = writer(directory, {.max_size = 200 << 10, .max_files = files});
    std::string batch;
    for (int i = 0; i < 30'000; ++i) {
      batch += cat("line number ", i, '\n');
      if (i % 500 != 499) continue;
      REQUIRE(log.take(LogStream::kStdout, batch, at(i)));
      batch.clear();
    }
    uint64_t used = 0, count = 0;
    for (const char* name : {"log", "log.1", "log.2", "log.3"}) {
      struct stat info{};
      if (stat(cat(directory.path, '/', name).c_str(), &info) != 0) continue;
      CHECK(info.st_size <= 200 << 10);
      used += static_cast<uint64_t>(info.st_size);
      ++count;
    }
    CHECK(count == files);
    CHECK(used > (files - 1) * (190U << 10));
    std::vector<LogLine> all = lines(directory);
    REQUIRE(!all.empty());
    CHECK(all.back().text == "line number 29999\n");
    int first = atoi(all.front().text.c_str() + 12);
    CHECK(first + static_cast<int>(all.size()) == 30'000);
  }
}

TEST_CASE("a log writer goes on behind one that was killed") {
  LogDirectory directory;
  REQUIRE(writer(directory).take(LogStream::kStdout, "whole\n", at(0)));
  REQUIRE(write_file_atomically(directory.path + "/log",
                                read_file(directory.path + "/log").value() + R"({"log":"hal)"));
  REQUIRE(writer(directory).take(LogStream::kStdout, "next\n", at(1)));
  std::vector<LogLine> all = lines(directory);
  REQUIRE(all.size() == 2);
  CHECK(all[1].text == "next\n");
}

TEST_CASE("bytes that are no text do not break the log") {
  LogDirectory directory;
  LogWriter log = writer(directory);
  REQUIRE(log.take(LogStream::kStdout, std::string_view("\0\x01\xff\x7f \xc3\xa4\n", 8), at(0)));
  std::vector<LogLine> all = lines(directory);
  REQUIRE(all.size() == 1);
  CHECK(all[0].text == std::string_view("\0\x01\xef\xbf\xbd\x7f \xc3\xa4\n", 10));
}

TEST_CASE("a log is asked by time, by stream, by text and for its end") {
  LogDirectory directory;
  LogWriter log = writer(directory);
  for (int i = 0; i < 10; ++i)
    REQUIRE(log.take(i % 2 == 0 ? LogStream::kStdout : LogStream::kStderr, cat("n", i, "\n"), at(i)));
  CHECK(lines(directory, {.tail = 3}).front().text == "n7\n");
  CHECK(lines(directory, {.tail = 0}).empty());
  CHECK(lines(directory, {.grep = "n4"}).size() == 1);
  CHECK(lines(directory, {.stream = LogStream::kStderr}).size() == 5);
  CHECK(lines(directory, {.since = "2023-11-14T22:13:25Z", .until = "2023-11-14T22:13:27.5Z"}).size() == 2);
}

TEST_CASE("a log is followed through rotations until its writer is done") {
  LogDirectory directory;
  constexpr int kLines = 20'000;
  std::atomic<bool> done = false;
  std::thread writing([&] {
    LogWriter log = writer(directory, {.max_size = 128 << 10, .max_files = 20});
    for (int i = 0; i < kLines; ++i) {
      if (!log.take(LogStream::kStdout, cat("line ", i, "\n"), at(i))) break;
      if (i % 1000 == 0) usleep(3000);
    }
    done = true;
  });
  int next = 0;
  Result<> read = read_log(
      directory.path, {.follow = true},
      [&](const LogLine& line) { return line.text == cat("line ", next) + "\n" ? ++next, true : false; },
      [&] { return done.load(); });
  writing.join();
  CHECK(read);
  CHECK(next == kLines);
}
