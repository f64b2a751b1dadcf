#include "cli/net/network_options.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>

namespace shoji::cli::net {

using shoji::net::Address;
using shoji::net::Network;
using shoji::net::Prefix;
using shoji::net::StaticRoute;
using shoji::net::Subnet;

namespace {

// An empty value alone clears a list.
bool clears(const std::vector<std::string>& values) {
  return values.size() == 1 && values[0].empty();
}

template <typename Item, typename Parse>
Result<> replace(std::vector<Item>& list, const std::vector<std::string>& values, Parse parse) {
  if (values.empty()) return {};
  list.clear();
  if (clears(values)) return {};
  for (const std::string& value : values) {
    TRY_ASSIGN(Item item, parse(value));
    list.push_back(std::move(item));
  }
  return {};
}

Result<shoji::net::NetworkKind> parse_kind(std::string_view text) {
  using enum shoji::net::NetworkKind;
  for (shoji::net::NetworkKind kind : {kBridge, kRouted, kMacvlan, kCni})
    if (shoji::net::kind_name(kind) == text) return kind;
  return fail(Kind::kInvalid, cat(quote(text), " is none of bridge, routed, macvlan and cni"));
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// "10.0.0.0/8", "10.0.0.0/8,via 10.7.0.9,metric 5" and podman's "10.0.0.0/8,10.7.0.9,5"
Result<StaticRoute> parse_route(const std::string& text) {
  StaticRoute out;
  std::string_view rest = text;
  for (int at = 0; !rest.empty(); ++at) {
    size_t comma = rest.find(',');
    std::string_view word = trimmed(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    if (at == 0) {
      TRY_ASSIGN(out.destination, Prefix::parse(word));
      continue;
    }
    bool via = word.starts_with("via "), metric = word.starts_with("metric ");
    std::string_view value = via || metric ? trimmed(word.substr(word.find(' '))) : word;
    uint32_t number = 0;
    auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    bool is_number = error == std::errc() && end == value.data() + value.size();
    if (metric && !is_number) return fail(Kind::kInvalid, cat("metric ", quote(value), " is not a number"));
    if (metric || (is_number && !via)) {
      out.metric = number;
    } else {
      TRY_ASSIGN(out.gateway, Address::parse(value));
    }
  }
  return out;
}

Result<std::pair<std::string, std::string>> parse_label(const std::string& text) {
  size_t equals = text.find('=');
  if (equals == 0) return fail(Kind::kInvalid, cat(quote(text), " has no key"));
  return std::pair(text.substr(0, equals),
                   equals == std::string::npos ? std::string() : text.substr(equals + 1));
}

Result<Subnet*> subnet_with(Network& network, const Address& address) {
  for (Subnet& subnet : network.subnets)
    if (subnet.prefix.contains(address)) return &subnet;
  return fail(Kind::kInvalid, cat(address.text(), " is in none of the subnets"));
}

// A subnet that stays keeps its gateway and range.
Result<> set_subnets(Network& network, const std::vector<std::string>& values) {
  std::vector<Subnet> before = network.subnets;
  TRY(replace(network.subnets, values, [&](const std::string& value) -> Result<Subnet> {
    TRY_ASSIGN(Prefix prefix, Prefix::parse(value));
    auto same = std::ranges::find(before, prefix, &Subnet::prefix);
    return same != before.end() ? *same : Subnet{prefix, {}, {}, {}};
  }));
  return {};
}

Result<> set_gateways(Network& network, const std::vector<std::string>& values) {
  if (clears(values))
    for (Subnet& subnet : network.subnets) subnet.gateway.reset();
  if (clears(values)) return {};
  for (const std::string& value : values) {
    TRY_ASSIGN(Address address, Address::parse(value));
    TRY_ASSIGN(Subnet * subnet, subnet_with(network, address));
    subnet->gateway = address;
  }
  return {};
}

Result<> set_ranges(Network& network, const std::vector<std::string>& values) {
  if (clears(values))
    for (Subnet& subnet : network.subnets) subnet.range_first = subnet.range_last = std::nullopt;
  if (clears(values)) return {};
  for (const std::string& value : values) {
    Address first, last;
    if (value.find('/') != std::string::npos) {
      TRY_ASSIGN(Prefix prefix, Prefix::parse(value));
      first = prefix.first();
      last = prefix.last();
    } else {
      size_t dash = value.find('-');
      if (dash == std::string::npos)
        return fail(Kind::kInvalid, cat(quote(value), " is neither FIRST-LAST nor a prefix"));
      TRY_ASSIGN(first, Address::parse(std::string_view(value).substr(0, dash)));
      TRY_ASSIGN(last, Address::parse(std::string_view(value).substr(dash + 1)));
    }
    TRY_ASSIGN(Subnet * subnet, subnet_with(network, first));
    subnet->range_first = first;
    subnet->range_last = last;
  }
  return {};
}

Result<> named(std::string_view option, Result<> result) {
  if (!result) return Failure(within(cat("option ", quote(cat("--", option))), result.error()));
  return {};
}

}  // namespace

Result<Network> with_options(Network network, const op::NetworkOptions& options) {
  if (options.kind) {
    Result<shoji::net::NetworkKind> kind = parse_kind(*options.kind);
    if (!kind) return Failure(within("option \"--kind\"", kind.error()));
    network.kind = *kind;
  }
  constexpr std::pair<std::optional<std::string> op::NetworkOptions::*, std::string Network::*> kTexts[] = {
      {&op::NetworkOptions::interface, &Network::interface},
      {&op::NetworkOptions::parent, &Network::parent},
      {&op::NetworkOptions::cni, &Network::cni}};
  for (const auto& [option, member] : kTexts)
    if (options.*option) network.*member = *(options.*option);
  if (options.mode) network.mode = options.mode->empty() ? Network().mode : *options.mode;
  if (options.mtu) network.mtu = *options.mtu;
  if (options.no_nat) network.nat = !*options.no_nat;
  if (options.internal) network.internal = *options.internal;
  if (options.isolated) network.isolated = *options.isolated;
  TRY(named("subnet", set_subnets(network, options.subnets)));
  TRY(named("gateway", set_gateways(network, options.gateways)));
  TRY(named("range", set_ranges(network, options.ranges)));
  TRY(named("route", replace(network.routes, options.routes, parse_route)));
  TRY(named("dns", replace(network.dns, options.dns, Address::parse)));
  TRY(named("label", replace(network.labels, options.labels, parse_label)));
  return network;
}

Result<> take_podman_options(op::NetworkCreateOptions& options) {
  struct Row {
    std::string_view key, option;
  };
  // The options of podman's bridge and macvlan drivers that mean something here.
  constexpr Row kRows[] = {{"mtu", "mtu"},
                           {"com.docker.network.driver.mtu", "mtu"},
                           {"parent", "parent"},
                           {"mode", "mode"},
                           {"isolate", "isolated"}};
  for (const std::string& text : options.podman_options) {
    size_t equals = text.find('=');
    std::string_view key = std::string_view(text).substr(0, equals);
    std::string_view value = equals == std::string::npos ? "" : std::string_view(text).substr(equals + 1);
    const Row* row = std::ranges::find(kRows, key, &Row::key);
    if (row == std::end(kRows))
      return fail(Kind::kInvalid,
                  cat("option \"--opt\": ", quote(text), " is none of mtu=, parent=, mode= and isolate="));
    for (const Option& option : op::kNetworkCreateOptions)
      if (option.name == row->option) TRY(named(cat("opt ", key), option.set(&options, value)));
  }
  return {};
}

Result<Network> checked_network(const Network& network) {
  return shoji::net::parse_network(shoji::net::print_network(network), "options");
}

Result<Network> read_network(const std::string& file) {
  TRY_ASSIGN(std::string text, read_document(file));
  return shoji::net::parse_network(std::move(text), file == "-" ? "standard input" : file);
}

}  // namespace shoji::cli::net

namespace shoji::cli::op {

namespace {

Result<> check_source(const NetworkOptions& options, const std::string& file, bool given) {
  if (!file.empty() && given)
    return fail(Kind::kInvalid, "--file and options that say what the network is exclude each other");
  if (options.kind && options.kind->empty()) return fail(Kind::kInvalid, "--kind needs a kind");
  return {};
}

}  // namespace

Result<> NetworkCreateOptions::check(const Arguments& arguments) const {
  if (arguments.empty() && file.empty())
    return fail(Kind::kInvalid, "needs the network's name, or --file with the document");
  TRY(check_source(*this, file, any_given(*this) || !podman_options.empty() || ipv6));
  NetworkCreateOptions tried = *this;
  TRY(net::take_podman_options(tried));
  TRY(net::with_options({}, tried));
  return {};
}

Result<> NetworkEditOptions::check(const Arguments& /*arguments*/) const {
  return check_source(*this, file, any_given(*this));
}

}  // namespace shoji::cli::op
