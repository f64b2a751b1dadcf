#include "netsetup/firewall/differences.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "netsetup/firewall/kernel_tables.h"
#include "netsetup/firewall/nft_words.h"
#include "netsetup/firewall/ruleset.h"

namespace shoji::net {

namespace {

using SetName = std::pair<Table, std::string>;

// An element in the order and the form that both sides have.
struct Row {
  std::vector<uint8_t> key, key_end, value;
  std::string jump;
  bool ends_interval = false;
  std::string text;  // of what ought to be there
  [[nodiscard]] auto tie() const { return std::tie(key, key_end, ends_interval, value, jump); }
};

struct Wanted {
  std::map<SetName, std::vector<Row>> sets;
  std::map<Table, ChainUses> chains;
};

std::vector<uint8_t> bytes(const Address& address) {
  return {address.bytes(), address.bytes() + address.size()};
}

std::vector<uint8_t> twice(const std::vector<uint8_t>& one) {
  std::vector<uint8_t> out = one;
  out.insert(out.end(), one.begin(), one.end());
  return out;
}

// Intervals as the kernel has them: where one begins, and behind its end. nft merges those that touch.
std::vector<Row> intervals(std::vector<Prefix> prefixes) {
  std::ranges::sort(prefixes, [](const Prefix& a, const Prefix& b) { return a.first() < b.first(); });
  std::vector<Row> out;
  for (const Prefix& prefix : prefixes) {
    std::vector<uint8_t> first = bytes(prefix.first());
    if (!out.empty() && out.back().ends_interval && out.back().key == first) {
      out.pop_back();
    } else {
      out.push_back({.key = first, .key_end = {}, .value = {}, .jump = {}, .text = prefix.text()});
    }
    // The last addresses of all have nothing behind them.
    if (std::optional<Address> behind = prefix.last().plus(1))
      out.push_back({.key = bytes(*behind),
                     .key_end = {},
                     .value = {},
                     .jump = {},
                     .ends_interval = true,
                     .text = prefix.text()});
  }
  return out;
}

void want_networks(const std::vector<FirewallNetwork>& networks, Wanted& out) {
  for (Family family : {Family::kIpv4, Family::kIpv6}) {
    std::map<std::string, std::vector<Prefix>> lists;
    for (std::string_view name : {"ours", "nat", "internal", "isolated"}) lists[cat(name, digit(family))];
    std::vector<Row>& same = out.sets[{Table::kInet, cat("same", digit(family))}];
    for (const FirewallNetwork& network : networks)
      for (const Prefix& prefix : network.subnets) {
        if (prefix.address.family() != family) continue;
        lists[cat("ours", digit(family))].push_back(prefix);
        if (network.nat && !network.internal) lists[cat("nat", digit(family))].push_back(prefix);
        if (network.internal) lists[cat("internal", digit(family))].push_back(prefix);
        if (network.isolated) lists[cat("isolated", digit(family))].push_back(prefix);
        same.push_back({.key = twice(bytes(prefix.first())),
                        .key_end = twice(bytes(prefix.last())),
                        .value = {},
                        .jump = {},
                        .text = cat(prefix.text(), " . ", prefix.text())});
      }
    for (auto& [name, prefixes] : lists) out.sets[{Table::kInet, name}] = intervals(prefixes);
  }
}

void want(const std::vector<Element>& elements, Wanted& out) {
  for (const Element& element : elements) {
    out.sets[{element.table, element.set}].push_back({.key = element.key.bytes,
                                                      .key_end = {},
                                                      .value = element.value.bytes,
                                                      .jump = element.jump,
                                                      .text = element.key.text});
    if (!element.jump.empty()) ++out.chains[element.table][element.jump];
  }
}

// Sets that are there without any partition.
constexpr std::string_view kEmptySets[] = {
    "published4", "published6", "everywhere4",  "everywhere6",  "services4",          "services6",
    "access_to4", "access_to6", "access_from4", "access_from6", "services_everywhere"};
constexpr std::string_view kGuardSetNames[] = {"guarded", "macs", "senders4", "senders6", "told6"};

Wanted wanted_of(const std::vector<FirewallNetwork>& networks, const std::vector<FirewallEndpoint>& endpoints,
                 const std::vector<ServiceRow>& services) {
  Wanted out;
  std::string text = base_ruleset({}) + print_endpoints(endpoints);
  for (std::string_view name : kEmptySets) out.sets[{Table::kInet, std::string(name)}];
  for (Table table : {Table::kInet, Table::kBridge})
    for (std::string_view name : kGuardSetNames) out.sets[{table, std::string(name)}];
  std::vector<std::vector<size_t>> slots;
  for (const ServiceRow& row : services) {
    slots.push_back(assign_slots(row.slots, row.service.members));
    text += service_added(row.service, slots.back());
  }
  for (Table table : {Table::kInet, Table::kBridge}) out.chains[table] = chains_in_text(text, table);
  want_networks(networks, out);
  for (const FirewallEndpoint& endpoint : endpoints) want(endpoint_elements(endpoint), out);
  for (size_t i = 0; i < services.size(); ++i) want(service_elements(services[i].service, slots[i]), out);
  return out;
}

void compare_chains(Table table, const ChainUses& wanted, const ChainUses& found,
                    std::vector<std::string>& out) {
  if (found.empty()) {
    out.push_back(cat("table ", table_name(table), " is not there"));
    return;
  }
  for (const auto& [name, uses] : wanted) {
    auto it = found.find(name);
    if (it == found.end()) {
      out.push_back(cat("chain ", name, " of table ", table_name(table), " is not there"));
    } else if (it->second != uses) {
      out.push_back(
          cat("chain ", name, " of table ", table_name(table), " has other rules than it ought to have"));
    }
  }
  for (const auto& [name, uses] : found)
    if (!wanted.contains(name))
      out.push_back(cat("chain ", name, " of table ", table_name(table), " belongs to nobody"));
}

std::vector<Row> rows_of(const std::vector<KernelElement>& elements) {
  std::vector<Row> out;
  for (const KernelElement& one : elements) {
    // nft marks that nothing before the first interval is in the set.
    if (one.ends_interval && std::ranges::all_of(one.key, [](uint8_t byte) { return byte == 0; })) continue;
    out.push_back({one.key, one.key_end, one.value, one.jump, one.ends_interval, {}});
  }
  return out;
}

void compare_elements(const SetName& set, std::vector<Row> wanted, std::vector<Row> found,
                      std::vector<std::string>& out) {
  auto less = [](const Row& a, const Row& b) { return a.tie() < b.tie(); };
  std::ranges::sort(wanted, less);
  std::ranges::sort(found, less);
  std::vector<Row> missing, foreign;
  std::ranges::set_difference(wanted, found, std::back_inserter(missing), less);
  std::ranges::set_difference(found, wanted, std::back_inserter(foreign), less);
  std::string name = cat(set.second, " of table ", table_name(set.first));
  if (!missing.empty())
    out.push_back(cat(missing.size(), missing.size() == 1 ? " element" : " elements", " of ", name,
                      missing.size() == 1 ? " is missing: " : " are missing, the first one is ",
                      missing[0].text));
  if (!foreign.empty())
    out.push_back(cat(foreign.size(), foreign.size() == 1 ? " element" : " elements", " of ", name,
                      foreign.size() == 1 ? " belongs to nobody" : " belong to nobody"));
}

}  // namespace

Result<std::vector<std::string>> find_differences(NetfilterSocket& socket,
                                                  const std::vector<FirewallNetwork>& networks,
                                                  const std::vector<FirewallEndpoint>& endpoints,
                                                  const std::vector<ServiceRow>& services) {
  Wanted wanted = wanted_of(networks, endpoints, services);
  std::vector<std::string> out;
  std::map<Table, bool> there;
  for (const auto& [table, chains] : wanted.chains) {
    TRY_ASSIGN(ChainUses found, read_chains(socket, table));
    there[table] = !found.empty();
    compare_chains(table, chains, found, out);
  }
  for (auto& [set, rows] : wanted.sets) {
    if (!there[set.first]) continue;
    Result<std::vector<KernelElement>> found = read_elements(socket, set.first, set.second);
    if (!found && found.error().kind != Kind::kNotFound) return Failure(found.error());
    if (!found) {
      out.push_back(cat("set ", set.second, " of table ", table_name(set.first), " is not there"));
    } else {
      compare_elements(set, std::move(rows), rows_of(*found), out);
    }
  }
  return out;
}

}  // namespace shoji::net
