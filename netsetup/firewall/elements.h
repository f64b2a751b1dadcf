#pragma once
// What one endpoint is in the firewall: elements of sets and maps, and a chain for its own rules, if it has any. Pure. Each
// is there in nft's words, for a whole ruleset, and in the kernel's bytes, for a change of elements alone.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "netsetup/firewall/rules.h"

namespace shoji::net {

// Our tables are all named "shoji", one in each family.
enum class Table : uint8_t { kInet, kBridge, kNetdev };
std::string_view table_name(Table table);  // "inet shoji"
uint8_t table_family(Table table);         // NFPROTO_INET
inline constexpr std::string_view kTableName = "shoji";

// A key or a value of one or several fields: each takes a multiple of four bytes in the kernel (nf_tables' registers).
struct Fields {
  std::string text;  // "192.0.2.1 . tcp . 80"
  std::vector<uint8_t> bytes;

  Fields& add(const Address& address);
  Fields& add(const Mac& mac);
  Fields& add(Protocol protocol);
  Fields& add_port(unsigned port);
  Fields& add_interface(std::string_view name);
  Fields& add_number(std::string_view word, uint8_t number);
  Fields& add_slot(uint32_t slot);          // a number of the host's byte order
  Fields& add_raw(const Address& address);  // as a number: nft has no word for where it lies

  bool operator==(const Fields&) const = default;

 private:
  Fields& add(std::string_view words, const void* value, size_t size);
};

struct Element {
  Table table = Table::kInet;
  std::string set;
  Fields key;
  Fields value;      // of a map of values
  std::string jump;  // of a map of verdicts: the chain
  bool operator==(const Element&) const = default;
};

// One match of a partition's rule as a chain has it. A rule for both protocols, or for every one, is several.
struct AccessMatch {
  bool allow = true;
  bool incoming = true;
  std::optional<Prefix> peer;
  std::optional<Protocol> protocol;
  uint16_t first_port = 0, last_port = 0;  // 0: any
};
std::string print_access_match(const AccessMatch& match);

struct AccessChain {
  std::string name;
  std::vector<AccessMatch> matches;
};

// At most one for each direction; none without rules for it.
std::vector<AccessChain> access_chains(const FirewallEndpoint& endpoint);
std::vector<Element> endpoint_elements(const FirewallEndpoint& endpoint);

}  // namespace shoji::net
