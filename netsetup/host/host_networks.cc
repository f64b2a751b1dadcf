#include "netsetup/host/host_networks.h"

#include <algorithm>

#include "netsetup/host/bulk_attach.h"
#include "netsetup/host/change.h"
#include "netsetup/host/check.h"
#include "netsetup/host/context.h"
#include "netsetup/host/documents.h"
#include "netsetup/host/linger.h"
#include "netsetup/host/removal.h"
#include "netsetup/usage/quota.h"

namespace shoji::net {

struct HostNetworks::State {
  HostContext context;
  explicit State(HostContext made) : context(std::move(made)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  // Others' deletes make us wait as well, when we close our nftables socket.
  ~State() {
    if (context.must_linger) linger(context, {}, {});
  }
};

HostNetworks::HostNetworks(std::unique_ptr<State> state) : state_(std::move(state)) {}
HostNetworks::HostNetworks(HostNetworks&&) noexcept = default;
HostNetworks::~HostNetworks() = default;

ClearPending HostContext::clear() {
  return [this](const std::string& name, const std::string& text) -> Result<> {
    if (name.starts_with('@')) return settle_network(*this, name.substr(1), text);
    if (is_change(text)) return settle_change(*this, name, text);
    TRY_ASSIGN(Work work, parse_work(name, text));
    return take_back(*this, {&work, 1});
  };
}

Result<HostNetworks> HostNetworks::open(NetworkStore store) {
  TRY_ASSIGN(RouteSocket host, RouteSocket::open());
  auto state = std::make_unique<State>(HostContext(std::move(store), std::move(host)));
  // What cannot be cleared is told by whoever needs the name, and by check().
  ignore(clear_pending(state->context.store.run, state->context.clear()), "a verb for others can go on");
  ignore(renew_quotas(state->context.store, state->context.host, [&] { return state->context.firewall(); }),
         "the last month's rules let everything pass, and the next verb tries again");
  return HostNetworks(std::move(state));
}

const NetworkStore& HostNetworks::store() const {
  return state_->context.store;
}

Result<std::vector<Attachment>> HostNetworks::attach(const std::vector<PartitionRequest>& requests) {
  return BulkAttach(state_->context).run(requests);
}

Result<> HostNetworks::detach(const std::string& partition, const std::string& network) {
  return detach_one(state_->context, partition, network);
}

Result<Attachment> HostNetworks::change(const std::string& partition, const std::string& network,
                                        const AttachmentChange& change) {
  return change_attachment(state_->context, partition, network, change);
}

Result<std::vector<Fault>> HostNetworks::check(bool repair) {
  return check_host(state_->context, repair);
}

Result<> HostNetworks::create_network(const Network& network) {
  return create_document(state_->context, network);
}
Result<> HostNetworks::replace_network(const Network& network) {
  return replace_document(state_->context, network);
}
Result<> HostNetworks::remove_network(const std::string& name) {
  return remove_document(state_->context, name);
}

Result<> HostNetworks::remove(const std::vector<std::string>& partitions) {
  return remove_partitions(state_->context, partitions);
}

}  // namespace shoji::net
