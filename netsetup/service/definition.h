#pragma once
// A virtual service as a JSON document; unknown keys are refused, errors point at the fault.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "netsetup/firewall/rules.h"

namespace shoji::net {

struct ServiceMemberDefinition {
  std::string target;  // "web1:80", "10.7.0.2:80", "[fd00::2]:80"
  uint16_t weight = 1;
  bool drained = false;
  bool operator==(const ServiceMemberDefinition&) const = default;
};
struct ServiceDefinition {
  std::string name;
  PublishedPort port;  // no `host`: every address, of both families
  Spread spread = Spread::kRoundRobin;
  std::vector<ServiceMemberDefinition> members;
  bool operator==(const ServiceDefinition&) const = default;

  // Which ones it is there for.
  [[nodiscard]] std::vector<Family> families() const;
};

// `text` is the document, `source` opens the message.
Result<ServiceDefinition> parse_service(std::string text, std::string_view source);
std::string print_service(const ServiceDefinition& service);
// What parse_service() refuses, of one that was made otherwise; targets get the form that definitions have.
Result<> check_service(ServiceDefinition& service);

// [a-z0-9][a-z0-9_.-]*, at most 63.
Result<> check_service_name(std::string_view name);

// [HOSTIP:]PORT[/tcp|udp], and as it is printed: the protocol always, the address where there is one.
Result<PublishedPort> parse_service_port(std::string_view text);
std::string print_service_port(const PublishedPort& port);

Result<Spread> parse_spread(std::string_view text);  // "round-robin", "source-hash"
std::string_view spread_name(Spread spread);

// The halves of a member's target: one of `partition` and `address` is there.
struct MemberTarget {
  std::string partition;
  std::optional<Address> address;
  uint16_t port = 0;
  // The part before the port, without brackets.
  [[nodiscard]] std::string host() const { return address ? address->text() : partition; }
  // As definitions have it, whatever way it was typed.
  [[nodiscard]] std::string text() const;
};
Result<MemberTarget> parse_member_target(std::string_view text);

}  // namespace shoji::net
