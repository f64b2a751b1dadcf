#pragma once
// Access rules as people write them:
//
//   [in|out][:PEER][:tcp|udp][:PORT[-PORT]]
//
// "in:tcp:22", "in:10.0.0.0/8:tcp:80-90", "out:[fd00::/8]", "in" (everything), "tcp:22" (in, when neither is said). PEER
// is an address or prefix, IPv6 in brackets; a port without a protocol is that of both.
#include <string>
#include <string_view>

#include "netsetup/firewall/rules.h"

namespace shoji::net {

Result<AccessRule> parse_access_rule(bool allow, std::string_view text);
// "allow in:tcp:22", "deny out".
Result<AccessRule> parse_access_rule(std::string_view text);
std::string print_access_rule(const AccessRule& rule);

}  // namespace shoji::net
