#pragma once
// A match of a partition's rule as the kernel's expressions, which nft(8) prints as print_access_match() does.
#include "netsetup/firewall/elements.h"
#include "netsetup/nfnetlink/message.h"

namespace shoji::net {

// The message that appends the rule to `chain` of the table `inet shoji`.
void write_access_rule(MessageWriter& out, std::string_view chain, const AccessMatch& match);

}  // namespace shoji::net
