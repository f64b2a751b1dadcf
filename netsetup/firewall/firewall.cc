#include "netsetup/firewall/firewall.h"

#include <nftables/libnftables.h>

#include <algorithm>

#include "netsetup/firewall/ruleset.h"

namespace shoji::net {

struct Firewall::State {
  nft_ctx* nft;
  explicit State(nft_ctx* context) : nft(context) {}
  ~State() { nft_ctx_free(nft); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

namespace {

// libnftables' words are a line per fault, with the text it did not like below: the first line says it.
std::string first_fault(const char* words) {
  std::string_view text = words == nullptr ? "" : words;
  std::string_view line = text.substr(0, text.find('\n'));
  // "internal:0:0-0: Error: " is where in a text that the user has not written.
  size_t error = line.find("Error: ");
  if (error != std::string_view::npos) line.remove_prefix(error + 7);
  return std::string(line.empty() ? "no reason given" : line);
}

Result<std::string> run(nft_ctx* nft, const std::string& commands, std::string_view what) {
  int status = nft_run_cmd_from_buffer(nft, commands.c_str());
  if (status == 0) return std::string(nft_ctx_get_output_buffer(nft));
  return fail(Kind::kSystem, cat(what, ": nftables: ", first_fault(nft_ctx_get_error_buffer(nft))));
}

Result<> act(nft_ctx* nft, const std::string& commands, std::string_view what) {
  if (commands.empty()) return {};
  TRY(run(nft, commands, what));
  return {};
}

std::vector<std::string> keys_of(const VirtualService& service, const std::vector<size_t>& slots) {
  std::vector<std::string> out;
  out.reserve(slots.size());
  for (size_t slot : slots)
    out.push_back(slot == kNobody ? std::string() : member_key(service.members[slot]));
  return out;
}

}  // namespace

Firewall::Firewall(std::unique_ptr<State> state) : state_(std::move(state)) {}
Firewall::Firewall(Firewall&&) noexcept = default;
Firewall::~Firewall() = default;

Result<Firewall> Firewall::open() {
  nft_ctx* nft = nft_ctx_new(NFT_CTX_DEFAULT);
  if (nft == nullptr) return fail(Kind::kSystem, "open nftables: out of memory");
  auto state = std::make_unique<State>(nft);
  nft_ctx_buffer_output(nft);
  nft_ctx_buffer_error(nft);
  return Firewall(std::move(state));
}

Result<> Firewall::ensure(const std::vector<FirewallNetwork>& networks) {
  // The terse listing has no elements, so that its size does not depend on how many partitions there are.
  nft_ctx_output_set_flags(state_->nft, NFT_CTX_OUTPUT_TERSE);
  Result<std::string> there = run(state_->nft, cat("list table ", kTable), "look for our table");
  nft_ctx_output_set_flags(state_->nft, 0);
  if (there && there->find(cat("comment \"", kRulesetVersion, '"')) != std::string::npos) return {};
  return act(state_->nft, base_ruleset(networks), "make the firewall's table");
}

Result<> Firewall::set_networks(const std::vector<FirewallNetwork>& networks) {
  return act(state_->nft, network_elements(networks), "tell the firewall of the networks");
}

Result<> Firewall::add(const std::vector<FirewallEndpoint>& endpoints) {
  std::string commands;
  for (const FirewallEndpoint& endpoint : endpoints) commands += endpoint_added(endpoint);
  return act(state_->nft, commands, "add to the firewall");
}

Result<> Firewall::remove(const std::vector<FirewallEndpoint>& endpoints) {
  std::string commands;
  for (const FirewallEndpoint& endpoint : endpoints) commands += endpoint_removed(endpoint);
  return act(state_->nft, commands, "remove from the firewall");
}

Result<> Firewall::replace(const FirewallEndpoint& before, const FirewallEndpoint& after) {
  return act(state_->nft, endpoint_removed(before) + endpoint_added(after), "change the firewall");
}

Result<std::vector<std::string>> Firewall::add_service(const VirtualService& service) {
  std::vector<size_t> slots = assign_slots({}, service.members);
  TRY(act(state_->nft, service_added(service, slots), cat("make service ", quote(service.name))));
  return keys_of(service, slots);
}

Result<std::vector<std::string>> Firewall::change_service(const VirtualService& service,
                                                          const std::vector<std::string>& slots) {
  std::vector<size_t> after = assign_slots(slots, service.members);
  TRY(act(state_->nft, service_changed(service, slots, after), cat("change service ", quote(service.name))));
  return keys_of(service, after);
}

Result<> Firewall::remove_service(const VirtualService& service) {
  return act(state_->nft, service_removed(service), cat("remove service ", quote(service.name)));
}

Result<> Firewall::change_services(const std::vector<ServiceChange>& changes) {
  std::string commands, names;
  for (const ServiceChange& change : changes) {
    using enum ServiceChange::How;
    if (change.how == kRemove) commands += service_removed(change.service);
    if (change.how == kAnew) commands += service_added(change.service, change.slots);
    if (change.how == kElements) commands += service_changed(change.service, change.before, change.slots);
    if (names.find(quote(change.service.name)) == std::string::npos)
      names += cat(names.empty() ? "" : ", ", quote(change.service.name));
  }
  return act(state_->nft, commands, cat("change service ", names));
}

Result<std::optional<std::vector<std::string>>> Firewall::read_service(const VirtualService& service) {
  Result<std::string> listing = run(state_->nft, service_listed(service), "list a service");
  // nft has no code for "not there": whatever it cannot list is to be made anew.
  if (!listing) return std::nullopt;
  return service_row(service, *listing);
}

Result<> Firewall::remove_tables() {
  // An empty declaration before it makes deleting what is not there no error.
  return act(
      state_->nft,
      cat("table ", kTable, "\ndelete table ", kTable, "\ntable netdev shoji\ndelete table netdev shoji\n"),
      "remove the firewall's tables");
}

}  // namespace shoji::net
