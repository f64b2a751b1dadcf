#include "netsetup/firewall/firewall.h"

#include <algorithm>

#include "netsetup/firewall/bridge_netfilter.h"
#include "netsetup/firewall/differences.h"
#include "netsetup/firewall/kernel_tables.h"
#include "netsetup/firewall/nft_library.h"
#include "netsetup/firewall/obstacles.h"
#include "netsetup/firewall/quota_rules.h"
#include "netsetup/firewall/ruleset.h"
#include "netsetup/firewall/service_kernel.h"
#include "netsetup/firewall/transaction.h"

namespace shoji::net {

struct Firewall::State {
  NetfilterSocket socket;
  std::optional<NftLibrary> library{};  // loaded when it is first needed

  Result<std::string> run(const std::string& commands, std::string_view what);
  Result<> act(const std::string& commands, std::string_view what);
};

namespace {

void add_service_change(const ServiceChange& change, Transaction& out) {
  using enum ServiceChange::How;
  if (change.how == kElements) {
    SlotChanges slots = slot_changes(change.service, change.before, change.slots);
    for (const Element& element : slots.gone) out.remove(element);
    for (const Element& element : slots.come) out.add(element);
    return;
  }
  out.remove(service_lead(change.service));
  if (change.how == kLeadAway) return;
  out.remove_chain(service_chain(change.service));
  out.remove_set(slots_name(change.service));
}

std::vector<std::string> keys_of(const VirtualService& service, const std::vector<size_t>& slots) {
  std::vector<std::string> out;
  out.reserve(slots.size());
  for (size_t slot : slots)
    out.push_back(slot == kNobody ? std::string() : member_key(service.members[slot]));
  return out;
}

}  // namespace

Result<std::string> Firewall::State::run(const std::string& commands, std::string_view what) {
  if (!library) {
    TRY_ASSIGN(NftLibrary loaded, NftLibrary::load());
    library.emplace(std::move(loaded));
  }
  return library->run(commands, what);
}

Result<> Firewall::State::act(const std::string& commands, std::string_view what) {
  if (commands.empty()) return {};
  TRY(run(commands, what));
  return {};
}

Firewall::Firewall(std::unique_ptr<State> state) : state_(std::move(state)) {}
Firewall::Firewall(Firewall&&) noexcept = default;
Firewall::~Firewall() = default;

Result<Firewall> Firewall::open() {
  TRY_ASSIGN(NetfilterSocket socket, NetfilterSocket::open());
  return Firewall(std::make_unique<State>(std::move(socket)));
}

Result<bool> Firewall::is_whole() {
  return base_is_whole(state_->socket);
}

Result<> Firewall::ensure(const std::vector<FirewallNetwork>& networks) {
  TRY_ASSIGN(bool whole, is_whole());
  if (whole) return {};
  return state_->act(base_ruleset(networks), "make the firewall's tables");
}

Result<> Firewall::set_networks(const std::vector<FirewallNetwork>& networks) {
  return state_->act(network_elements(networks), "tell the firewall of the networks");
}

Result<> Firewall::add(const std::vector<FirewallEndpoint>& endpoints) {
  load_bridge_netfilter(endpoints);
  Transaction transaction;
  for (const FirewallEndpoint& endpoint : endpoints) {
    for (const AccessChain& chain : access_chains(endpoint)) transaction.add(chain);
    for (const Element& element : endpoint_elements(endpoint)) transaction.add(element);
  }
  return transaction.commit(state_->socket, "add to the firewall");
}

Result<> Firewall::remove(const std::vector<FirewallEndpoint>& endpoints) {
  Transaction transaction;
  for (const FirewallEndpoint& endpoint : endpoints) {
    for (const Element& element : endpoint_elements(endpoint)) transaction.remove(element);
    for (const AccessChain& chain : access_chains(endpoint)) transaction.remove(chain);
  }
  return transaction.commit_present(state_->socket, "remove from the firewall");
}

Result<std::vector<std::string>> Firewall::differences(const std::vector<FirewallNetwork>& networks,
                                                       const std::vector<FirewallEndpoint>& endpoints,
                                                       const std::vector<ServiceRow>& services) {
  return find_differences(state_->socket, networks, endpoints, services);
}

Result<std::vector<std::string>> Firewall::obstacles(const std::vector<FirewallNetwork>& networks,
                                                     const std::vector<FirewallEndpoint>& endpoints) {
  return find_obstacles(state_->socket, networks, endpoints);
}

Result<> Firewall::replace_all(const std::vector<FirewallNetwork>& networks,
                               const std::vector<FirewallEndpoint>& endpoints,
                               const std::vector<ServiceRow>& services) {
  load_bridge_netfilter(endpoints);
  std::string commands = base_ruleset(networks) + print_endpoints(endpoints);
  for (const ServiceRow& row : services)
    commands += service_added(row.service, assign_slots(row.slots, row.service.members));
  return state_->act(commands, "make the firewall anew");
}

Result<> Firewall::replace(const FirewallEndpoint& before, const FirewallEndpoint& after) {
  load_bridge_netfilter({after});
  Transaction transaction;
  const std::vector<Element> old = endpoint_elements(before), now = endpoint_elements(after);
  // A chain with the same rules is made anew as well, and with it what leads there.
  auto stays = [](const std::vector<Element>& others, const Element& element) {
    return element.jump.empty() && std::ranges::find(others, element) != others.end();
  };
  for (const Element& element : old)
    if (!stays(now, element)) transaction.remove(element);
  for (const AccessChain& chain : access_chains(before)) transaction.remove(chain);
  for (const AccessChain& chain : access_chains(after)) transaction.add(chain);
  for (const Element& element : now)
    if (!stays(old, element)) transaction.add(element);
  return transaction.commit_present(state_->socket, "change the firewall");
}

Result<std::vector<std::string>> Firewall::add_service(const VirtualService& service) {
  std::vector<size_t> slots = assign_slots({}, service.members);
  TRY(state_->act(service_added(service, slots), cat("make service ", quote(service.name))));
  return keys_of(service, slots);
}

Result<std::vector<std::string>> Firewall::change_service(const VirtualService& service,
                                                          const std::vector<std::string>& slots) {
  std::vector<size_t> after = assign_slots(slots, service.members);
  TRY(change_services({{.service = service, .before = slots, .slots = after}}));
  return keys_of(service, after);
}

Result<> Firewall::remove_service(const VirtualService& service) {
  return change_services(
      {{.how = ServiceChange::How::kRemove, .service = service, .before = {}, .slots = {}}});
}

Result<> Firewall::change_services(const std::vector<ServiceChange>& changes) {
  using enum ServiceChange::How;
  std::string commands, names;
  Transaction transaction;
  for (const ServiceChange& change : changes) {
    if (change.how == kLeadAway) commands += service_led_away(change.service);
    if (change.how == kRemove) commands += service_removed(change.service);
    if (change.how == kAnew) commands += service_added(change.service, change.slots);
    if (change.how == kElements) commands += service_changed(change.service, change.before, change.slots);
    add_service_change(change, transaction);
    if (names.find(quote(change.service.name)) == std::string::npos)
      names += cat(names.empty() ? "" : ", ", quote(change.service.name));
  }
  std::string what = cat("change service ", names);
  // Only what is made anew has rules to write.
  bool has_rules = std::ranges::any_of(changes, [](const ServiceChange& one) { return one.how == kAnew; });
  return has_rules ? state_->act(commands, what) : transaction.commit_present(state_->socket, what);
}

Result<std::optional<std::vector<std::string>>> Firewall::read_service(const VirtualService& service) {
  return read_service_row(state_->socket, service);
}

Result<> Firewall::set_quota(const PartitionQuota& quota) {
  TRY_ASSIGN(std::string removal, quota_removal(state_->socket, quota.partition));
  return state_->act(removal + quota_ruleset(quota), cat("set the quota of ", quote(quota.partition)));
}

Result<> Firewall::remove_quota(const std::string& partition) {
  TRY_ASSIGN(std::string removal, quota_removal(state_->socket, partition));
  return state_->act(removal, cat("remove the quota of ", quote(partition)));
}

Result<std::vector<QuotaReading>> Firewall::read_quotas() {
  return read_kernel_quotas(state_->socket);
}

Result<> Firewall::remove_tables() {
  return state_->act(tables_removed({Table::kInet, Table::kBridge, Table::kNetdev}),
                     "remove the firewall's tables");
}

}  // namespace shoji::net
