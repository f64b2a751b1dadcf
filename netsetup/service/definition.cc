#include "netsetup/service/definition.h"

#include <algorithm>
#include <charconv>

#include "netsetup/firewall/slots.h"
#include "spec/field_table.h"
#include "spec/partition/partition.h"

namespace shoji::net {

using namespace field_table;

// Found by the field tables through the type's own namespace.
Result<> read(Json value, ServiceMemberDefinition& out) {
  static constexpr Row kRows[] = {
      field<&ServiceMemberDefinition::target>("target", kRequired),
      field<&ServiceMemberDefinition::weight>("weight"),
      field<&ServiceMemberDefinition::drained>("drained"),
  };
  out = {};
  return load_object(value, kRows, &out, Unknown::kRefuse);
}

namespace {

constexpr size_t kNameLimit = 63;

// Texts that are looked into after the document was read.
struct Document {
  std::string name, port, spread = "round-robin";
  std::vector<ServiceMemberDefinition> members;
};
constexpr Row kRows[] = {
    field<&Document::name>("name", kRequired),
    field<&Document::port>("port", kRequired),
    field<&Document::spread>("spread"),
    field<&Document::members>("members"),
};

Failure at(std::string_view pointer, Error error) {
  return Failure(within(pointer, std::move(error)));
}

Result<uint16_t> parse_port_number(std::string_view text) {
  uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || port == 0)
    return fail(Kind::kInvalid, cat(quote(text), " is not a port between 1 and 65535"));
  return port;
}

// HOST:PORT or [IPV6]:PORT; the host without brackets.
struct HostPort {
  std::string_view host;
  bool brackets = false;
  uint16_t port = 0;
};
Result<HostPort> split_host_port(std::string_view text) {
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0)
    return fail(Kind::kInvalid, cat(quote(text), " is not HOST:PORT"));
  HostPort out{.host = text.substr(0, colon)};
  TRY_ASSIGN(out.port, parse_port_number(text.substr(colon + 1)));
  out.brackets = out.host.starts_with('[') && out.host.ends_with(']');
  if (out.brackets) out.host = out.host.substr(1, out.host.size() - 2);
  return out;
}

Result<> check_member(ServiceDefinition& service, size_t index) {
  ServiceMemberDefinition& member = service.members[index];
  std::string pointer = cat("/members/", index);
  Result<MemberTarget> target = parse_member_target(member.target);
  if (!target) return at(pointer + "/target", target.error());
  member.target = target->text();
  const std::optional<Address>& host = service.port.host;
  if (target->address && host && target->address->family() != host->family())
    return fail(Kind::kInvalid, cat(pointer, "/target: ", target->address->text(),
                                    " is of another family than the service's ", host->text()));
  if (member.weight == 0)
    return fail(Kind::kInvalid,
                cat(pointer, "/weight: it is at least 1; a drained member takes no new connections"));
  for (size_t i = 0; i < index; ++i)
    if (service.members[i].target == member.target)
      return fail(Kind::kInvalid, cat(pointer, "/target: ", quote(member.target), " is a member already"));
  return {};
}

}  // namespace

std::vector<Family> ServiceDefinition::families() const {
  if (port.host) return {port.host->family()};
  return {Family::kIpv4, Family::kIpv6};
}

Result<> check_service_name(std::string_view name) {
  auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  auto is_allowed = [&](char c) { return is_plain(c) || c == '_' || c == '.' || c == '-'; };
  if (!name.empty() && name.size() <= kNameLimit && is_plain(name[0]) &&
      std::ranges::all_of(name, is_allowed))
    return {};
  return fail(
      Kind::kInvalid,
      cat(quote(name), " is not 1 to 63 of a-z, 0-9, \"_\", \".\", \"-\", beginning with a letter or digit"));
}

Result<> check_service(ServiceDefinition& service) {
  if (Result<> checked = check_service_name(service.name); !checked) return at("/name", checked.error());
  if (service.members.size() > kSlots)
    return fail(Kind::kInvalid, cat("/members: there are ", service.members.size(), ", more than the ",
                                    kSlots, " that a service can spread over"));
  for (size_t i = 0; i < service.members.size(); ++i) TRY(check_member(service, i));
  return {};
}

Result<PublishedPort> parse_service_port(std::string_view text) {
  auto parse = [&]() -> Result<PublishedPort> {
    PublishedPort out;
    std::string_view rest = text;
    if (size_t slash = text.rfind('/'); slash != std::string_view::npos) {
      std::string_view name = text.substr(slash + 1);
      if (name != "tcp" && name != "udp")
        return fail(Kind::kInvalid, cat(quote(name), " is neither tcp nor udp"));
      if (name == "udp") out.protocol = Protocol::kUdp;
      rest = text.substr(0, slash);
    }
    if (rest.find(':') == std::string_view::npos) {
      TRY_ASSIGN(out.port, parse_port_number(rest));
      return out;
    }
    TRY_ASSIGN(HostPort parts, split_host_port(rest));
    out.port = parts.port;
    TRY_ASSIGN(Address host, Address::parse(parts.host));
    if ((host.family() == Family::kIpv6) != parts.brackets)
      return fail(Kind::kInvalid, "an IPv6 address, and no other, is in brackets");
    if (host.family() == Family::kIpv6 && host.is_loopback())
      return fail(
          Kind::kUnsupported,
          "the kernel does not route from [::1] to other hosts: use 127.0.0.1 or an address of the host");
    if (!host.is_unspecified()) out.host = host;
    return out;
  };
  Result<PublishedPort> out = parse();
  if (!out) return at(cat("port ", quote(text)), out.error());
  return out;
}

std::string print_service_port(const PublishedPort& port) {
  std::string out;
  if (port.host) {
    bool six = port.host->family() == Family::kIpv6;
    out = cat(six ? "[" : "", port.host->text(), six ? "]:" : ":");
  }
  return cat(out, port.port, '/', protocol_name(port.protocol));
}

Result<Spread> parse_spread(std::string_view text) {
  for (Spread spread : {Spread::kRoundRobin, Spread::kSourceHash})
    if (text == spread_name(spread)) return spread;
  return fail(Kind::kInvalid, cat(quote(text), " is neither round-robin nor source-hash"));
}

std::string_view spread_name(Spread spread) {
  return spread == Spread::kRoundRobin ? "round-robin" : "source-hash";
}

Result<MemberTarget> parse_member_target(std::string_view text) {
  auto parse = [&]() -> Result<MemberTarget> {
    TRY_ASSIGN(HostPort parts, split_host_port(text));
    MemberTarget out{.partition = {}, .address = {}, .port = parts.port};
    Result<Address> address = Address::parse(parts.host);
    if (!address && parts.brackets) return Failure(address.error());
    if (!address) {
      TRY(check_partition_name(parts.host));
      out.partition = parts.host;
      return out;
    }
    if ((address->family() == Family::kIpv6) != parts.brackets)
      return fail(Kind::kInvalid, "an IPv6 address, and no other, is in brackets");
    if (address->is_unspecified() || address->is_multicast() || address->is_loopback())
      return fail(Kind::kInvalid, cat(address->text(), " is not an address of a member"));
    out.address = *address;
    return out;
  };
  Result<MemberTarget> out = parse();
  if (!out) return at(cat("member ", quote(text)), out.error());
  return out;
}

std::string MemberTarget::text() const {
  bool brackets = address && address->family() == Family::kIpv6;
  return cat(brackets ? "[" : "", host(), brackets ? "]:" : ":", port);
}

Result<ServiceDefinition> parse_service(std::string text, std::string_view source) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(text), source));
  ServiceDefinition out;
  auto load = [&]() -> Result<> {
    Document texts;
    TRY(load_object(document.root(), kRows, &texts, Unknown::kRefuse));
    Result<PublishedPort> port = parse_service_port(texts.port);
    if (!port) return at("/port", port.error());
    Result<Spread> spread = parse_spread(texts.spread);
    if (!spread) return at("/spread", spread.error());
    out = {
        .name = std::move(texts.name), .port = *port, .spread = *spread, .members = std::move(texts.members)};
    return check_service(out);
  };
  if (Result<> loaded = load(); !loaded) return at(source, loaded.error());
  return out;
}

std::string print_service(const ServiceDefinition& service) {
  JsonWriter out(JsonWriter::Style::kIndented);
  out.begin_object().member("name", service.name).member("port", print_service_port(service.port));
  out.member("spread", spread_name(service.spread)).key("members").begin_array();
  for (const ServiceMemberDefinition& member : service.members) {
    out.begin_object().member("target", member.target);
    if (member.weight != 1) out.member("weight", uint32_t{member.weight});
    if (member.drained) out.member("drained", true);
    out.end_object();
  }
  out.end_array().end_object();
  return out.take() + "\n";
}

}  // namespace shoji::net
