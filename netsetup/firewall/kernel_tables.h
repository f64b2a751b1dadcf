#pragma once
// Reads our tables back from the kernel (linux/netfilter/nf_tables.h).
#include <map>

#include "netsetup/firewall/elements.h"
#include "netsetup/nfnetlink/socket.h"

namespace shoji::net {

// How often each chain of a table is used: a rule of it is one use, and so is whatever leads to it.
using ChainUses = std::map<std::string, uint32_t, std::less<>>;

// The chains in a ruleset's text with their rules, and the jumps of rules that lead to them.
ChainUses chains_in_text(std::string_view ruleset, Table table);

// Empty: the table is not there, or not in our version.
Result<ChainUses> read_chains(NetfilterSocket& socket, Table table);

// Whether the tables are there in our version, and each of the base's chains has its rules. A few short questions in one
// system call, however much is in the tables.
Result<bool> base_is_whole(NetfilterSocket& socket);

struct KernelElement {
  std::vector<uint8_t> key, key_end, value;
  std::string jump;
  bool ends_interval = false;
};
// kNotFound: no such set.
Result<std::vector<KernelElement>> read_elements(NetfilterSocket& socket, Table table,
                                                 const std::string& set);

}  // namespace shoji::net
