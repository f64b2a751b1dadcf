#include "netsetup/firewall/access_rule_text.h"

#include <algorithm>
#include <charconv>

namespace shoji::net {

namespace {

// The word up to the next colon outside of brackets, which `text` loses.
std::string_view take_word(std::string_view& text) {
  size_t end = text.find(':', text.starts_with('[') ? std::min(text.find(']'), text.size()) : 0);
  std::string_view word = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return word;
}

Result<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0)
    return fail(Kind::kInvalid, cat(quote(text), " is not a port between 1 and 65535"));
  return port;
}

Result<> take_ports(AccessRule& rule, std::string_view word) {
  size_t dash = word.find('-');
  TRY_ASSIGN(rule.first_port, parse_port(word.substr(0, dash)));
  rule.last_port = rule.first_port;
  if (dash == std::string_view::npos) return {};
  TRY_ASSIGN(rule.last_port, parse_port(word.substr(dash + 1)));
  if (rule.last_port < rule.first_port)
    return fail(Kind::kInvalid, cat("the range ", quote(word), " ends before it begins"));
  return {};
}

// An address alone is the prefix of that address.
Result<Prefix> parse_peer(std::string_view word) {
  if (word.starts_with('[')) {
    if (!word.ends_with(']')) return fail(Kind::kInvalid, cat(quote(word), " lacks its closing bracket"));
    word = word.substr(1, word.size() - 2);
  }
  if (word.find('/') == std::string_view::npos) {
    TRY_ASSIGN(Address address, Address::parse(word));
    return Prefix{address, static_cast<uint8_t>(address.bits())};
  }
  TRY_ASSIGN(Prefix prefix, Prefix::parse(word));
  if (prefix.address != prefix.first())
    return fail(Kind::kInvalid, cat(prefix.text(), " has bits behind its length; ",
                                    Prefix{prefix.first(), prefix.length}.text(), " is the network"));
  return prefix;
}

bool is_port(std::string_view word) {
  return !word.empty() && word.find_first_not_of("0123456789-") == std::string_view::npos;
}

// Each part may be left out, but their order is fixed: what comes too late, or twice, is a mistake.
Result<AccessRule> parse(std::string_view text) {
  enum Part : uint8_t { kDirection, kPeer, kProtocol, kPort, kEnd };
  AccessRule out;
  Part next = kDirection;
  if (text.empty() || text.ends_with(':'))
    return fail(Kind::kInvalid, "expected [in|out][:PEER][:tcp|udp][:PORT[-PORT]]");
  while (!text.empty()) {
    std::string_view word = take_word(text);
    Part part = kPeer;
    if (word == "in" || word == "out") part = kDirection;
    if (word == "tcp" || word == "udp") part = kProtocol;
    if (is_port(word)) part = kPort;
    if (part < next)
      return fail(Kind::kInvalid,
                  cat(quote(word), " is not where [in|out][:PEER][:tcp|udp][:PORT[-PORT]] has it"));
    next = static_cast<Part>(part + 1);
    if (part == kDirection) out.incoming = word == "in";
    if (part == kProtocol) out.protocol = word == "udp" ? Protocol::kUdp : Protocol::kTcp;
    if (part == kPort) TRY(take_ports(out, word));
    if (part == kPeer) {
      TRY_ASSIGN(out.peer, parse_peer(word));
    }
  }
  return out;
}

}  // namespace

Result<AccessRule> parse_access_rule(bool allow, std::string_view text) {
  Result<AccessRule> out = parse(text);
  if (!out) return Failure(within(cat("rule ", quote(text)), out.error()));
  out->allow = allow;
  return out;
}

Result<AccessRule> parse_access_rule(std::string_view text) {
  bool allow = text.starts_with("allow ");
  if (!allow && !text.starts_with("deny "))
    return fail(Kind::kInvalid,
                cat("rule ", quote(text), R"(: it begins with neither "allow " nor "deny ")"));
  return parse_access_rule(allow, text.substr(text.find(' ') + 1));
}

std::string print_access_rule(const AccessRule& rule) {
  std::string out = cat(rule.allow ? "allow " : "deny ", rule.incoming ? "in" : "out");
  if (rule.peer) {
    bool single = rule.peer->length == rule.peer->address.bits();
    std::string peer = single ? rule.peer->address.text() : rule.peer->text();
    out += rule.peer->address.family() == Family::kIpv6 ? cat(":[", peer, ']') : cat(':', peer);
  }
  if (rule.protocol) out += cat(':', protocol_name(*rule.protocol));
  if (rule.first_port != 0) out += cat(':', rule.first_port);
  if (rule.last_port > rule.first_port) out += cat('-', rule.last_port);
  return out;
}

}  // namespace shoji::net
