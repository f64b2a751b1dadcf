#pragma once
// Subnets for networks that come without one.
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "netsetup/address/address.h"

namespace shoji::net {

// What the host has addresses in or routes to, default routes aside: of our network namespace.
Result<std::vector<Prefix>> host_prefixes();
// The lines of /proc/net/route, of /proc/net/ipv6_route (proc_net(5)).
std::vector<Prefix> parse_ipv4_routes(std::string_view text);
std::vector<Prefix> parse_ipv6_routes(std::string_view text);

// The first /24 from 10.89.0.0 (podman's first one) to 10.255.255.0, then from 192.168.100.0 to 192.168.255.0, that
// overlaps none of `taken`. kState when there is none.
Result<Prefix> free_ipv4_subnet(std::span<const Prefix> taken);
// A /64 of unique local addresses (RFC 4193: 40 bits at random) that overlaps none of `taken`.
Result<Prefix> free_ipv6_subnet(std::span<const Prefix> taken);

}  // namespace shoji::net
