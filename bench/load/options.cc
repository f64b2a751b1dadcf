#include "bench/load/options.h"

#include <arpa/inet.h>

#include <charconv>

#include "cli/options.h"

namespace shoji::load {

namespace {

struct Words {
  std::string fresh = "0", rate = "1", duration = "10", warmup = "0", timeout = "5", format = "text", tally,
              host;
  uint32_t connections = 0, requests = 0, max_open = 10000, examples = 10, status = 0;
  std::vector<std::string> headers;
};

using cli::option;
constexpr cli::Option kOptions[] = {
    option<&Words::fresh>("new", 'n', "new connections per second, with one request each", "0"),
    option<&Words::connections>("keep-alive", 'k', "connections that are kept", "0"),
    option<&Words::rate>("rate", 'r', "requests per second on each kept connection", "1"),
    option<&Words::duration>("duration", 'd', "seconds in which requests are due", "10"),
    option<&Words::requests>("requests", 0, "make no more than this number", "no bound"),
    option<&Words::warmup>("warmup", 'w', "seconds whose latencies are not counted", "0"),
    option<&Words::timeout>("timeout", 't', "seconds from when a request is due to its failure", "5"),
    option<&Words::status>("status", 0, "the expected status", "200 to 299"),
    option<&Words::headers>("header", 'H', "a further line of the request, `Name: value`; may be repeated"),
    option<&Words::host>("host", 0, "the request's Host", "as in the URL"),
    option<&Words::tally>("tally", 0, "count answers by the value of this header field"),
    option<&Words::max_open>("max-open", 0, "connections at once", "10000"),
    option<&Words::examples>("examples", 0, "failures to tell in words", "10"),
    option<&Words::format>("format", 0, "text or json", "text"),
};

Result<double> parse_decimal(std::string_view name, std::string_view text) {
  double out = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size() || !(out >= 0 && out <= 1e6))
    return fail(Kind::kInvalid, cat("--", name, ": ", quote(text), " is not a number from 0 to 1000000"));
  return out;
}

Result<> parse_nanoseconds(std::string_view name, std::string_view text, uint64_t& out) {
  TRY_ASSIGN(double seconds, parse_decimal(name, text));
  out = static_cast<uint64_t>(seconds * 1e9);
  return {};
}

Result<> parse_host_and_port(std::string_view text, Settings& out) {
  size_t colon = text.starts_with('[') ? text.find(':', text.find(']')) : text.find(':');
  std::string host(text.substr(0, colon));
  uint16_t port = 80;
  if (colon != std::string_view::npos) {
    std::string_view digits = text.substr(colon + 1);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size() || port == 0)
      return fail(Kind::kInvalid, cat(quote(digits), " is not a port"));
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    auto* six = reinterpret_cast<sockaddr_in6*>(&out.address);
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    out.address_size = sizeof *six;
    if (inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &six->sin6_addr) == 1) return {};
  } else {
    auto* four = reinterpret_cast<sockaddr_in*>(&out.address);
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    out.address_size = sizeof *four;
    if (inet_pton(AF_INET, host.c_str(), &four->sin_addr) == 1) return {};
  }
  return fail(Kind::kInvalid,
              cat(quote(host), " is not an address like 127.0.0.1 or [::1]: names are not looked up"));
}

Result<> parse_url(std::string_view url, Settings& out) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return fail(Kind::kInvalid, cat("the URL ", quote(url), " is not http://"));
  std::string_view rest = url.substr(kScheme.size());
  size_t slash = std::min(rest.find('/'), rest.size());
  out.host = rest.substr(0, slash);
  out.path = slash < rest.size() ? rest.substr(slash) : "/";
  if (out.path.find_first_of(" \r\n\t#") != std::string::npos)
    return fail(Kind::kInvalid, cat("the path ", quote(out.path), " has to be encoded"));
  Result<> address = parse_host_and_port(out.host, out);
  if (!address) return Failure(within(cat("the URL ", quote(url)), address.error()));
  return {};
}

Result<> fill(const Words& words, Settings& out) {
  TRY_ASSIGN(out.new_rate, parse_decimal("new", words.fresh));
  TRY_ASSIGN(out.rate, parse_decimal("rate", words.rate));
  TRY(parse_nanoseconds("duration", words.duration, out.duration));
  TRY(parse_nanoseconds("warmup", words.warmup, out.warmup));
  TRY(parse_nanoseconds("timeout", words.timeout, out.timeout));
  if (out.timeout == 0) return fail(Kind::kInvalid, "--timeout has to be more than 0");
  out.connections = words.connections;
  if (words.requests != 0) out.requests = words.requests;
  out.max_open = words.max_open;
  out.examples = words.examples;
  out.status = static_cast<int>(words.status);
  out.tally = words.tally;
  if (!words.host.empty()) out.host = words.host;
  for (const std::string& header : words.headers) out.headers += header + "\r\n";
  if (out.new_rate == 0 && (out.connections == 0 || out.rate == 0))
    return fail(Kind::kInvalid, "nothing to do: give --new, or --keep-alive and --rate");
  return {};
}

}  // namespace

std::string help_text() {
  std::string out =
      "usage: bench-load [options] http://ADDRESS[:PORT][/PATH]\n\n"
      "Requests at fixed times, whatever became of those before. Latency counts from when a request was "
      "due.\n"
      "A kept connection that the server closes between requests is opened anew; a request that such a "
      "close\n"
      "crossed is sent once more, and counted as reopened. Everything else that is not the expected answer "
      "has\n"
      "failed. SIGINT and SIGTERM end the plan early; what is under way is waited for.\n\n"
      "Exit status: 0 every request was answered, 1 it could not begin, 3 requests failed.\n\n";
  for (const cli::Option& row : kOptions) {
    std::string left = cat("  --", row.name, " VALUE");
    if (row.letter != 0) left += cat(", -", row.letter);
    left.resize(std::max<size_t>(left.size() + 2, 26), ' ');
    out += cat(left, row.help);
    out += row.default_text.empty() ? "\n" : cat(" (", row.default_text, ")\n");
  }
  return out + "  --help, -h              this text\n";
}

Result<Command> parse_command(std::span<char* const> words) {
  Words values;
  TRY_ASSIGN(cli::Parsed parsed,
             cli::parse_options(kOptions, &values, words, cli::Order::kMixed, cli::Dialect::kPosix));
  Command out;
  out.help = parsed.help;
  if (out.help) return out;
  if (parsed.arguments.size() != 1) return fail(Kind::kInvalid, "exactly one URL is expected");
  if (values.format != "text" && values.format != "json")
    return fail(Kind::kInvalid, cat("--format: ", quote(values.format), " is neither text nor json"));
  out.json = values.format == "json";
  TRY(parse_url(parsed.arguments[0], out.settings));
  TRY(fill(values, out.settings));
  return out;
}

}  // namespace shoji::load
