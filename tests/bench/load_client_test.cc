// bench/load against a server that misbehaves by script.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#include <atomic>
#include <thread>

#include "base/fd.h"
#include "bench/load/client.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::load;

namespace {

constexpr uint64_t kMillisecond = 1'000'000;

// What becomes of each request of a connection, a letter each; what comes after the last one closes the connection:
//   a answer · c close without an answer · r reset · h half an answer, then close · e error 500 · g garbage
//   s stall: 300 ms, then answer · n never answer · i close 20 ms after the answer, while the connection idles
class Server {
 public:
  // One script for each connection in order of arrival; the last one also for all further ones.
  explicit Server(std::vector<std::string> scripts) : scripts_(std::move(scripts)) {
    listener_.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listener_.get(), 100) == 0);
    socklen_t size = sizeof address;
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    address_ = address;
    thread_ = std::thread([this] { serve(); });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    stop_ = true;
    thread_.join();
    for (std::thread& one : connections_) one.join();
  }

  [[nodiscard]] Settings settings() const {
    Settings out;
    *reinterpret_cast<sockaddr_in*>(&out.address) = address_;
    out.address_size = sizeof address_;
    out.host = "test";
    out.duration = 10'000 * kMillisecond;
    out.timeout = 2000 * kMillisecond;
    return out;
  }

 private:
  bool wait_for(int fd) {
    while (!stop_) {
      pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
      if (poll(&one, 1, 10) > 0) return true;
    }
    return false;
  }
  void serve() {
    for (size_t number = 0; wait_for(listener_.get()); ++number) {
      int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      const std::string& script = scripts_[std::min(number, scripts_.size() - 1)];
      connections_.emplace_back([this, fd, &script] { run(UniqueFd(fd), script); });
    }
  }
  // Whether a request came, up to its empty line.
  bool read_request(int fd) {
    std::string request;
    char buffer[1000];
    while (!request.ends_with("\r\n\r\n")) {
      if (!wait_for(fd)) return false;
      ssize_t n = recv(fd, buffer, sizeof buffer, 0);
      if (n <= 0) return false;
      request.append(buffer, static_cast<size_t>(n));
    }
    return true;
  }
  static void pause(int milliseconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  }
  void run(UniqueFd fd, const std::string& script) {
    auto say = [&](std::string_view text) { (void)!send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL); };
    constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Member: one\r\n\r\nok";
    for (char step : script) {
      if (!read_request(fd.get())) return;
      linger now{.l_onoff = 1, .l_linger = 0};
      switch (step) {
        case 's':
          pause(300);
          [[fallthrough]];
        case 'a':
          say(kAnswer);
          break;
        case 'h':
          say(kAnswer.substr(0, kAnswer.size() - 1));
          return;
        case 'e':
          say("HTTP/1.1 500 Sorry\r\nContent-Length: 0\r\n\r\n");
          break;
        case 'g':
          say("no\r\n\r\n");
          break;
        case 'i':
          say(kAnswer);
          pause(20);
          return;
        case 'r':
          setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
          return;
        case 'n':
          read_request(fd.get());
          return;
        default:
          return;
      }
    }
  }

  std::vector<std::string> scripts_;
  UniqueFd listener_;
  sockaddr_in address_{};
  std::atomic<bool> stop_ = false;
  std::thread thread_;
  std::vector<std::thread> connections_;
};

constexpr size_t kMany = 1000;
std::string answers(size_t count) {
  return std::string(count, 'a');
}

Report run(const Settings& settings) {
  static const volatile std::sig_atomic_t never = 0;
  Result<Report> report = run_load(settings, &never);
  REQUIRE(report);
  CHECK(report->fresh.planned == report->fresh.answered + report->fresh.failed);
  CHECK(report->kept.planned == report->kept.answered + report->kept.failed);
  return std::move(*report);
}

// `count` requests on one kept connection, 100 ms apart so that what is closed between them has been seen.
Report on_one_connection(const std::vector<std::string>& scripts, uint64_t count) {
  Server server(scripts);
  Settings settings = server.settings();
  settings.connections = 1;
  settings.rate = 10;
  settings.requests = count;
  return run(settings);
}

// One request on a connection of its own.
Report once(const std::string& script, uint64_t timeout = 2000) {
  Server server({script});
  Settings settings = server.settings();
  settings.new_rate = 1000;
  settings.requests = 1;
  settings.timeout = timeout * kMillisecond;
  return run(settings);
}

uint64_t failures(const Report& report, FailureKind kind) {
  return report.failures[static_cast<size_t>(kind)];
}

}  // namespace

TEST_CASE("bench/load: every planned request is answered, on new and on kept connections") {
  Server server({answers(kMany)});
  Settings settings = server.settings();
  settings.new_rate = 100;
  settings.connections = 5;
  settings.rate = 20;
  settings.duration = 500 * kMillisecond;
  settings.tally = "x-member";
  Report report = run(settings);
  CHECK(report.failed() == 0);
  CHECK(report.fresh.planned == 50);
  CHECK(report.kept.planned == 50);
  CHECK(report.connections == 55);
  CHECK(report.reopened == 0);
  CHECK(report.fresh.latency.count() == 50);
  CHECK(report.body_bytes == 200);
  CHECK(report.tally.at("one") == 100);
  CHECK(report.lasted >= 490 * kMillisecond);
}

TEST_CASE("bench/load: a kept connection that the server closes between requests is opened anew") {
  Report report = on_one_connection({"aai", answers(kMany)}, 5);
  CHECK(report.failed() == 0);
  CHECK(report.connections == 2);
  CHECK(report.reconnected == 1);
  CHECK(report.reopened == 0);
}

TEST_CASE("bench/load: a request that such a close crosses is sent once more") {
  for (const char* first : {"aac", "aar"}) {
    Report report = on_one_connection({first, answers(kMany)}, 5);
    CHECK(report.failed() == 0);
    CHECK(report.kept.answered == 5);
    CHECK(report.reopened == 1);
    CHECK(report.connections == 2);
  }
}

TEST_CASE(
    "bench/load: it is not sent a third time, nor again on a new connection, nor after a part of the "
    "answer") {
  Report twice = on_one_connection({"ac", "c", answers(kMany)}, 3);
  CHECK(twice.reopened == 1);
  CHECK(failures(twice, FailureKind::kClosed) == 1);
  CHECK(twice.kept.answered == 2);
  Report at_first = on_one_connection({"c", answers(kMany)}, 2);
  CHECK(at_first.reopened == 0);
  CHECK(failures(at_first, FailureKind::kClosed) == 1);
  Report half = on_one_connection({"ah", answers(kMany)}, 3);
  CHECK(half.reopened == 0);
  CHECK(failures(half, FailureKind::kShort) == 1);
}

TEST_CASE("bench/load: failures are counted by kind, the first ones in words") {
  struct {
    const char* script;
    FailureKind kind;
    std::string_view text;
  } rows[] = {
      {"c", FailureKind::kClosed, "closed before the first byte of an answer"},
      {"r", FailureKind::kReset, "Connection reset by peer"},
      {"h", FailureKind::kShort, "closed after 1 bytes of the body, 1 are missing"},
      {"e", FailureKind::kStatus, "status 500"},
      {"g", FailureKind::kMalformed, "not an HTTP response"},
      {"n", FailureKind::kTimeout, "no answer"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.script);
    Report report = once(row.script, 200);
    CHECK(report.fresh.failed == 1);
    CHECK(failures(report, row.kind) == 1);
    REQUIRE(report.examples.size() == 1);
    CHECK(report.examples[0].kind == row.kind);
    CHECK(report.examples[0].text == row.text);
    CHECK(report.first_failure == report.last_failure);
    CHECK(report.first_failure != 0);
  }
}

TEST_CASE("bench/load: nobody listens") {
  Settings settings;
  {
    Server server({"a"});
    settings = server.settings();
  }
  settings.new_rate = 100;
  settings.requests = 20;
  settings.examples = 2;
  Report report = run(settings);
  CHECK(failures(report, FailureKind::kRefused) == 20);
  CHECK(report.examples.size() == 2);
}

TEST_CASE("bench/load: requests that a stall kept waiting are slow, and counted") {
  Server server({"aaas" + answers(kMany)});
  Settings settings = server.settings();
  settings.connections = 1;
  settings.rate = 100;
  settings.requests = 60;
  Report report = run(settings);
  CHECK(report.failed() == 0);
  CHECK(report.kept.latency.max() >= 300 * kMillisecond);
  // A client that waits for each answer would have seen one slow request; here some 30 were due meanwhile.
  CHECK(report.kept.latency.percentile(60) >= 50 * kMillisecond);
}

TEST_CASE("bench/load: what waits behind a request that is never answered fails in time too") {
  Server server({"n"});
  Settings settings = server.settings();
  settings.connections = 1;
  settings.rate = 100;
  settings.requests = 10;
  settings.timeout = 300 * kMillisecond;
  Report report = run(settings);
  CHECK(failures(report, FailureKind::kTimeout) == 10);
  CHECK(report.lasted < 5000 * kMillisecond);
}

TEST_CASE("bench/load: no more connections than allowed, and an early end") {
  Server server({"n"});
  Settings settings = server.settings();
  settings.new_rate = 1000;
  settings.requests = 20;
  settings.max_open = 5;
  settings.timeout = 200 * kMillisecond;
  Report report = run(settings);
  CHECK(failures(report, FailureKind::kLocal) == 15);
  CHECK(failures(report, FailureKind::kTimeout) == 5);
  static const volatile std::sig_atomic_t now_already = 1;
  settings.requests = UINT64_MAX;
  Result<Report> ended = run_load(settings, &now_already);
  REQUIRE(ended);
  CHECK(ended->fresh.planned == 0);
}
