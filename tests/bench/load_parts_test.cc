// The parts of bench/load: histogram, responses, command line, report.
#include "base/json.h"
#include "bench/load/options.h"
#include "bench/load/response.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::load;
using Progress = Response::Progress;

namespace {

Result<Command> parse(std::vector<std::string> words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size());
  for (std::string& word : words) pointers.push_back(word.data());
  return parse_command(pointers);
}

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 5\r\nX-Member: web 1\r\n\r\nhello";
constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: "
    "t\r\n\r\n";

}  // namespace

TEST_CASE("bench/load: percentiles are right within 0.8 % over the whole range") {
  Histogram histogram;
  CHECK(histogram.percentile(99) == 0);
  for (uint64_t value = 1; value <= 100'000; ++value) histogram.add(value * 1000);
  CHECK(histogram.count() == 100'000);
  CHECK(histogram.max() == 100'000'000);
  for (double percent : {0.1, 1.0, 50.0, 90.0, 99.0, 99.9}) {
    auto seen = static_cast<double>(histogram.percentile(percent));
    CHECK(seen >= percent * 1e6);
    CHECK(seen <= percent * 1e6 * 1.008);
  }
  CHECK(histogram.percentile(100) == 100'000'000);
  Histogram edges;
  for (uint64_t value : {uint64_t{0}, uint64_t{255}, uint64_t{256}, UINT64_MAX}) edges.add(value);
  CHECK(edges.percentile(25) == 0);
  CHECK(edges.percentile(50) == 255);
  CHECK(edges.percentile(75) == 257);
  CHECK(edges.percentile(100) == UINT64_MAX);
  edges.merge(histogram);
  CHECK(edges.count() == 100'004);
  CHECK(edges.max() == UINT64_MAX);
}

TEST_CASE("bench/load: a response is the same in whatever pieces it comes") {
  for (std::string_view text : {kAnswer, kChunked})
    for (size_t first = 0; first <= text.size(); ++first)
      for (size_t second : {first, first + (text.size() - first) / 2}) {
        Response response;
        Progress progress = Progress::kMore;
        for (auto [begin, end] :
             {std::pair(size_t{0}, first), std::pair(first, second), std::pair(second, text.size())}) {
          if (begin == end) continue;
          CHECK(progress == Progress::kMore);
          progress = response.feed(text.substr(begin, end - begin));
        }
        REQUIRE(progress == Progress::kDone);
        CHECK(response.status() == 200);
        CHECK(response.stays_open());
        CHECK(response.body_bytes() == (text == kAnswer ? 5 : 15));
      }
  Response response;
  response.feed(kAnswer);
  CHECK(response.field("x-member") == "web 1");
  CHECK(response.field("member").empty());
}

TEST_CASE("bench/load: where a response ends") {
  struct {
    std::string_view text;
    Progress fed, closed;
    bool stays_open;
  } rows[] = {
      {"HTTP/1.1 204 No Content\r\n\r\n", Progress::kDone, Progress::kDone, true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n", Progress::kDone, Progress::kDone,
       false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", Progress::kDone, Progress::kDone, false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: x, keep-alive\r\n\r\n", Progress::kDone,
       Progress::kDone, true},
      {"HTTP/1.1 200 OK\r\n\r\nuntil the end", Progress::kMore, Progress::kDone, false},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", Progress::kDone,
       Progress::kDone, true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", Progress::kMore, Progress::kMore, true},
      {"HTTP/1.1 200 OK\r\nContent-Le", Progress::kMore, Progress::kMore, true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy", Progress::kMalformed, Progress::kMore, true},
      {"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", Progress::kMalformed, Progress::kMore, true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Progress::kMalformed, Progress::kMore,
       true},
      {"SSH-2.0-OpenSSH\r\n\r\n", Progress::kMalformed, Progress::kMore, true},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    Response response;
    CHECK(response.feed(row.text) == row.fed);
    if (row.fed == Progress::kMalformed) continue;
    CHECK(response.stays_open() == row.stays_open);
    CHECK(response.close() == row.closed);
  }
}

TEST_CASE("bench/load: its command line") {
  Result<Command> command =
      parse({"-n", "200", "-k50", "--rate=2.5", "-d", "3", "--format", "json", "http://[::1]:8080/a?b"});
  REQUIRE(command);
  const Settings& settings = command->settings;
  CHECK(command->json);
  CHECK(settings.new_rate == 200);
  CHECK(settings.connections == 50);
  CHECK(settings.rate == 2.5);
  CHECK(settings.duration == 3'000'000'000);
  CHECK(settings.host == "[::1]:8080");
  CHECK(settings.path == "/a?b");
  CHECK(settings.address.ss_family == AF_INET6);
  CHECK(parse({"--help"})->help);
  struct {
    std::vector<std::string> words;
    std::string_view error;
  } rows[] = {
      {{"-n1"}, "exactly one URL is expected"},
      {{"-n1", "https://127.0.0.1"}, "the URL \"https://127.0.0.1\" is not http://"},
      {{"-n1", "http://localhost"},
       "the URL \"http://localhost\": \"localhost\" is not an address like 127.0.0.1 or [::1]: names are not "
       "looked up"},
      {{"-n1", "http://127.0.0.1:99999"}, "the URL \"http://127.0.0.1:99999\": \"99999\" is not a port"},
      {{"-n1", "http://127.0.0.1/a b"}, "the path \"/a b\" has to be encoded"},
      {{"-n", "-1", "http://127.0.0.1"}, "--new: \"-1\" is not a number from 0 to 1000000"},
      {{"-n1", "--timeout=0", "http://127.0.0.1"}, "--timeout has to be more than 0"},
      {{"-n1", "--format=xml", "http://127.0.0.1"}, "--format: \"xml\" is neither text nor json"},
      {{"http://127.0.0.1"}, "nothing to do: give --new, or --keep-alive and --rate"},
  };
  for (const auto& row : rows) {
    Result<Command> wrong = parse(row.words);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().text == row.error);
  }
}

TEST_CASE("bench/load: the result as JSON") {
  Report report;
  report.kept.planned = 2;
  report.kept.answered = 1;
  report.kept.failed = 1;
  report.kept.latency.add(2'000'000);
  report.failures[static_cast<size_t>(FailureKind::kShort)] = 1;
  report.examples.push_back(
      {.kind = FailureKind::kShort, .at = 3, .due = 2, .kept = true, .text = "a \"b\""});
  report.tally["web1"] = 1;
  Result<JsonDocument> json = JsonDocument::parse(print_json(report), "report");
  REQUIRE(json);
  Json root = json->root();
  CHECK(*root.find("planned").as_uint64() == 2);
  CHECK(*root.find("failed").as_uint64() == 1);
  CHECK(*root.find("failures").find("short").as_uint64() == 1);
  CHECK(*root.find("failures").find("reset").as_uint64() == 0);
  CHECK(*root.find("latency_us").find("keep_alive").find("p99.9").as_double() == 2000);
  CHECK(*root.find("examples").first().find("kind").as_string() == "short");
  CHECK(*root.find("tally").find("web1").as_uint64() == 1);
  CHECK(print_text(report).find("1 short: the connection was closed in the middle of an answer\n") !=
        std::string::npos);
}
