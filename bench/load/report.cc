#include "bench/load/report.h"

#include <cstdio>

#include "base/json.h"

namespace shoji::load {

namespace {

struct FailureRow {
  const char* name;
  const char* meaning;
};
constexpr std::array<FailureRow, kFailureKinds> kFailureRows = {{
    {"refused", "no connection: nobody listens"},
    {"reset", "the connection was reset"},
    {"closed", "the connection was closed without an answer, and HTTP allows no second try"},
    {"short", "the connection was closed in the middle of an answer"},
    {"timeout", "no whole answer in time"},
    {"unreachable", "no connection: no way to the host"},
    {"status", "another status than the expected one"},
    {"malformed", "not HTTP"},
    {"local", "this host had no port or descriptor left for the connection"},
}};

constexpr struct {
  std::string_view name;
  double percent;
} kPercentiles[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}};

double micro(double nanoseconds) {
  return nanoseconds / 1e3;
}
double seconds(uint64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / 1e9;
}

void write_latency(JsonWriter& json, std::string_view name, const Histogram& latency) {
  json.key(name).begin_object().member("count", latency.count()).member("mean", micro(latency.mean()));
  for (const auto& [key, percent] : kPercentiles)
    json.member(key, micro(static_cast<double>(latency.percentile(percent))));
  json.member("max", micro(static_cast<double>(latency.max()))).end_object();
}

Histogram all_latency(const Report& report) {
  Histogram all = report.fresh.latency;
  all.merge(report.kept.latency);
  return all;
}

template <typename... Values>
std::string line(const char* format, Values... values) {
  char text[512];
  int size = std::snprintf(text, sizeof text, format, values...);
  return {text, std::min(static_cast<size_t>(std::max(size, 0)), sizeof text - 1)};
}

std::string latency_row(const char* name, const Histogram& latency) {
  if (latency.count() == 0) return {};
  std::string out = line("%-12s %10llu", name, static_cast<unsigned long long>(latency.count()));
  for (const auto& row : kPercentiles)
    out += line(" %9.3f", static_cast<double>(latency.percentile(row.percent)) / 1e6);
  return out + line(" %9.3f\n", static_cast<double>(latency.max()) / 1e6);
}

}  // namespace

std::string_view failure_name(FailureKind kind) {
  return kFailureRows[static_cast<size_t>(kind)].name;
}
std::string_view failure_meaning(FailureKind kind) {
  return kFailureRows[static_cast<size_t>(kind)].meaning;
}

std::string print_json(const Report& report) {
  JsonWriter json(JsonWriter::Style::kIndented);
  json.begin_object()
      .member("started_monotonic", seconds(report.started))
      .member("seconds", seconds(report.lasted));
  json.member("planned", report.fresh.planned + report.kept.planned);
  json.member("answered", report.fresh.answered + report.kept.answered).member("failed", report.failed());
  json.member("connections", report.connections).member("reconnected", report.reconnected);
  json.member("reopened", report.reopened).member("body_bytes", report.body_bytes);
  json.key("failures").begin_object();
  for (size_t i = 0; i < kFailureKinds; ++i) json.member(kFailureRows[i].name, report.failures[i]);
  json.end_object();
  if (report.failed() != 0)
    json.member("first_failure", seconds(report.first_failure))
        .member("last_failure", seconds(report.last_failure));
  json.key("examples").begin_array();
  for (const FailureExample& example : report.examples)
    json.begin_object()
        .member("kind", failure_name(example.kind))
        .member("due", seconds(example.due))
        .member("at", seconds(example.at))
        .member("connection", example.kept ? "keep-alive" : "new")
        .member("text", example.text)
        .end_object();
  json.end_array().key("latency_us").begin_object();
  write_latency(json, "all", all_latency(report));
  write_latency(json, "new", report.fresh.latency);
  write_latency(json, "keep_alive", report.kept.latency);
  json.end_object();
  write_latency(json, "lag_us", report.lag);
  if (!report.tally.empty()) {
    json.key("tally").begin_object();
    for (const auto& [value, count] : report.tally) json.member(value, count);
    json.end_object();
  }
  json.end_object();
  return json.take() + "\n";
}

std::string print_text(const Report& report) {
  using Number = unsigned long long;
  auto number = [](uint64_t n) { return static_cast<Number>(n); };
  std::string out = line("%llu requests in %.2f s, %llu answered, %llu failed\n",
                         number(report.fresh.planned + report.kept.planned), seconds(report.lasted),
                         number(report.fresh.answered + report.kept.answered), number(report.failed()));
  out += line(
      "%llu connections, %llu closed by the server between requests, %llu requests sent again for that\n",
      number(report.connections), number(report.reconnected), number(report.reopened));
  out += line("milliseconds %10s %9s %9s %9s %9s %9s\n", "requests", "p50", "p90", "p99", "p99.9", "max");
  out += latency_row("new", report.fresh.latency) + latency_row("keep-alive", report.kept.latency) +
         latency_row("all", all_latency(report)) + latency_row("own lag", report.lag);
  for (size_t i = 0; i < kFailureKinds; ++i)
    if (report.failures[i] != 0)
      out += line("%llu %s: %s\n", number(report.failures[i]), kFailureRows[i].name, kFailureRows[i].meaning);
  for (const FailureExample& example : report.examples)
    out += line("  %.3f s: %s, %s connection, due %.3f s: %s\n", seconds(example.at),
                kFailureRows[static_cast<size_t>(example.kind)].name, example.kept ? "keep-alive" : "new",
                seconds(example.due), example.text.c_str());
  for (const auto& [value, count] : report.tally)
    out += line("%10llu answers of %s\n", number(count), value.c_str());
  return out;
}

}  // namespace shoji::load
