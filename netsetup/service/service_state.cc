#include "netsetup/service/service_state.h"

#include <sys/file.h>

#include <algorithm>

#include "netsetup/firewall/slots.h"
#include "netsetup/names/live.h"
#include "netsetup/ports/ports.h"
#include "netsetup/service/resolve.h"

namespace shoji::net {

namespace {

std::string holder_of(const std::string& name) {
  return cat("service ", quote(name));
}

std::vector<Family> families_of(const PublishedPort& port) {
  return ServiceDefinition{.name = {}, .port = port, .spread = {}, .members = {}}.families();
}

std::vector<std::string> keys_of(const VirtualService& service, const std::vector<size_t>& slots) {
  std::vector<std::string> out;
  out.reserve(slots.size());
  for (size_t slot : slots)
    out.push_back(slot == kNobody ? std::string() : member_key(service.members[slot]));
  return out;
}

// What led to it by `ports` goes: first every element, since none may be left that leads to a chain which is deleted, then
// the maps and chains of families that are not among `kept`.
void add_removals(std::vector<ServiceChange>& out, const std::string& name,
                  const std::vector<PublishedPort>& ports, const std::vector<Family>& kept) {
  using enum ServiceChange::How;
  for (ServiceChange::How how : {kLeadAway, kRemove})
    for (const PublishedPort& port : ports)
      for (Family family : families_of(port))
        if (how == kLeadAway || std::ranges::find(kept, family) == kept.end())
          out.push_back(
              {.how = how,
               .service = {.name = name, .port = port, .spread = {}, .members = {}, .family = family},
               .before = {},
               .slots = {}});
}

}  // namespace

// What is going to be, decided before anything is touched.
struct Services::State::Plan {
  ServiceDefinition definition;
  ServiceRecord after;
  std::vector<ServiceChange> changes;
  bool anew = false;
};

Result<Firewall*> Services::State::open_firewall() {
  if (firewall == nullptr) {
    TRY_ASSIGN(Firewall opened, Firewall::open());
    firewall = &own.emplace(std::move(opened));
  }
  return firewall;
}

Result<Services::State::Plan> Services::State::plan(const Draft& draft, const ServiceRecord& before,
                                                    const std::set<std::string>& leaving, bool anew) {
  const ServiceDefinition& wanted = draft.definition;
  Plan out{
      .definition = wanted, .after = {.ports = {wanted.port}, .rows = {}, .unhealthy = {}}, .changes = {}};
  for (const std::string& target : draft.unhealthy)
    if (std::ranges::find(wanted.members, target, &ServiceMemberDefinition::target) != wanted.members.end())
      out.after.unhealthy.push_back(target);
  std::vector<PublishedPort> others = before.ports;
  std::erase(others, wanted.port);
  add_removals(out.changes, wanted.name, others, wanted.families());
  // A map that another element has led to is made with it.
  out.anew = anew || before.ports != std::vector{wanted.port};
  TRY_ASSIGN(auto addresses, resolve_members(files.store(), wanted, leaving));
  for (VirtualService& service : kernel_services(wanted, addresses, out.after.unhealthy)) {
    auto family = static_cast<size_t>(service.family);
    const std::vector<std::string>& row = before.rows[family];
    std::vector<size_t> slots = choose_slots(row, service);
    out.after.rows[family] = keys_of(service, slots);
    if (!out.anew && out.after.rows[family] == row) continue;
    out.changes.push_back({.how = out.anew ? ServiceChange::How::kAnew : ServiceChange::How::kElements,
                           .service = std::move(service),
                           .before = row,
                           .slots = std::move(slots)});
  }
  return out;
}

Result<FirewallHold> Services::State::hold_firewall() {
  TRY_ASSIGN(FirewallHold hold, FirewallHold::take(files.store().run, LOCK_SH));
  if (is_callers) return hold;
  TRY_ASSIGN(Firewall * open, open_firewall());
  TRY(make_whole(files.store(), *open, hold));
  return hold;
}

Result<> Services::State::tell_kernel(Plan plan) {
  if (plan.changes.empty()) return {};
  TRY_ASSIGN(Firewall * open, open_firewall());
  if (!plan.anew && open->change_services(plan.changes)) return {};
  // New, or somebody was at the ruleset. Without tables nothing of the service is there to be changed, and whoever makes
  // them looks at the record.
  TRY_ASSIGN(bool whole, open->is_whole());
  if (!whole && is_callers) return {};
  for (ServiceChange& change : plan.changes)
    if (change.how == ServiceChange::How::kElements) change.how = ServiceChange::How::kAnew;
  return open->change_services(plan.changes);
}

// Each step leaves what mend() understands: claims by the holder's name, the kernel's state by the record, and which of two
// definitions holds by the one that is there.
Result<> Services::State::carry_out(ServiceLock& lock, const Plan& plan, const ServiceRecord& before) {
  const std::string& name = lock.name();
  const PublishedPort& port = plan.definition.port;
  TRY(lock.begin());
  if (plan.anew) TRY(claim_ports(files.store().run, holder_of(name), {port}, families_of(port)));
  ServiceRecord between = plan.after;
  for (const PublishedPort& old : before.ports)
    if (old != port) between.ports.push_back(old);
  TRY(files.write_record(name, between));
  TRY(files.index(plan.definition));
  TRY(tell_kernel(plan));
  Result<ServiceDefinition> defined = files.definition(name);
  if (!defined || *defined != plan.definition) TRY(files.write_definition(plan.definition));
  if (plan.anew) TRY(set_service_name(files.store(), name, port.host));
  std::set<std::string> hosts = member_hosts(plan.definition), others;
  if (defined)
    for (const std::string& host : member_hosts(*defined))
      if (!hosts.contains(host)) others.insert(host);
  TRY(files.unindex(name, others));
  if (between.ports.size() > 1) {
    TRY(release_ports(files.store().run, holder_of(name), {between.ports.begin() + 1, between.ports.end()}));
    TRY(files.write_record(name, plan.after));
  }
  lock.finish();
  return {};
}

Result<> Services::State::commit(ServiceLock& lock, const Draft& draft,
                                 const std::optional<ServiceRecord>& before,
                                 const std::set<std::string>& leaving, bool anew) {
  ServiceRecord had = before.value_or(ServiceRecord{});
  TRY_ASSIGN(Plan next, plan(draft, had, leaving, anew || !before));
  if (next.changes.empty() && before && next.after == *before) {
    Result<ServiceDefinition> defined = files.definition(lock.name());
    if (defined && *defined == next.definition) return {};
  }
  return carry_out(lock, next, had);
}

Result<> Services::State::change(const std::string& name, const Edit& edit,
                                 const std::set<std::string>& leaving) {
  TRY(check_service_name(name));
  TRY_ASSIGN(FirewallHold hold, hold_firewall());
  TRY_ASSIGN(ServiceLock lock, ServiceLock::acquire(files.lock_directory(), name));
  if (lock.dirty()) TRY(mend(lock));
  TRY_ASSIGN(ServiceDefinition definition, files.definition(name));
  TRY_ASSIGN(std::optional<ServiceRecord> record, files.record(name));
  Draft draft{.definition = definition, .unhealthy = {}};
  if (record) draft.unhealthy = record->unhealthy;
  TRY(edit(draft));
  if (Result<> checked = check_service(draft.definition); !checked)
    return Failure(within(cat("service ", quote(name)), checked.error()));
  bool anew = draft.definition.spread != definition.spread;
  Result<> done = commit(lock, draft, record, leaving, anew);
  if (!done && lock.dirty())
    ignore(mend(lock), "what it was cannot be made: the next verb tries again, and tells");
  return done;
}

Result<> Services::State::create(const ServiceDefinition& service) {
  Draft draft{.definition = service, .unhealthy = {}};
  if (Result<> checked = check_service(draft.definition); !checked)
    return Failure(within(cat("service ", quote(service.name)), checked.error()));
  TRY_ASSIGN(FirewallHold hold, hold_firewall());
  TRY_ASSIGN(ServiceLock lock, ServiceLock::acquire(files.lock_directory(), service.name));
  if (lock.dirty()) TRY(mend(lock));
  Result<ServiceDefinition> there = files.definition(service.name);
  if (there) return fail(Kind::kExists, cat("service ", quote(service.name), " exists"));
  if (there.error().kind != Kind::kNotFound) return Failure(there.error());
  Result<> done = commit(lock, draft, std::nullopt, {}, true);
  if (!done && lock.dirty()) ignore(mend(lock), "the lock stays, so that the next verb clears it away");
  return done;
}

Result<> Services::State::remove(const std::string& name) {
  TRY(check_service_name(name));
  TRY_ASSIGN(FirewallHold hold, hold_firewall());
  TRY_ASSIGN(ServiceLock lock, ServiceLock::acquire(files.lock_directory(), name));
  // What there is of it goes, whether or not it is understood: a definition that was broken by hand can be removed too.
  TRY_ASSIGN(std::vector<std::string> names, files.names());
  if (std::ranges::find(names, name) == names.end())
    return fail(Kind::kNotFound, cat("there is no service ", quote(name)));
  TRY(lock.begin());
  TRY(files.remove_definition(name));
  return clear(lock);
}

Result<> Services::State::clear(ServiceLock& lock) {
  const std::string& name = lock.name();
  TRY_ASSIGN(std::optional<ServiceRecord> record, files.record(name));
  std::vector<ServiceChange> changes;
  if (record) add_removals(changes, name, record->ports, {});
  if (!changes.empty()) {
    TRY_ASSIGN(Firewall * open, open_firewall());
    TRY(open->change_services(changes));
  }
  TRY(release_other_ports(name, {}));
  TRY(remove_service_name(files.store(), name));
  TRY(files.sweep_index(name, {}));
  TRY(files.remove_definition(name));
  TRY(files.remove_record(name));
  lock.finish();
  return {};
}

Result<> Services::State::release_other_ports(const std::string& name,
                                              const std::vector<PublishedPort>& kept) {
  TRY_ASSIGN(std::vector<PortClaim> claims, list_ports(files.store().run));
  std::vector<PublishedPort> others;
  for (PortClaim& claim : claims) {
    claim.port.target = 0;
    if (claim.holder == holder_of(name) && std::ranges::find(kept, claim.port) == kept.end())
      others.push_back(claim.port);
  }
  if (others.empty()) return {};
  return release_ports(files.store().run, holder_of(name), others);
}

Result<> Services::State::mend(ServiceLock& lock) {
  const std::string& name = lock.name();
  Result<ServiceDefinition> definition = files.definition(name);
  if (!definition && definition.error().kind == Kind::kNotFound) {
    TRY(lock.begin());
    return clear(lock);
  }
  if (!definition) return Failure(definition.error());
  TRY_ASSIGN(std::optional<ServiceRecord> record, files.record(name));
  Draft draft{.definition = *definition, .unhealthy = {}};
  if (record) draft.unhealthy = record->unhealthy;
  TRY(lock.begin());
  TRY(commit(lock, draft, record, {}, true));
  TRY(lock.begin());
  TRY(release_other_ports(name, {definition->port}));
  TRY(files.sweep_index(name, member_hosts(*definition)));
  lock.finish();
  return {};
}

Result<> Services::State::mend_left_over() {
  if (std::exchange(looked, true)) return {};
  TRY_ASSIGN(std::set<std::string> names, files.left_over());
  if (names.empty()) return {};
  TRY_ASSIGN(FirewallHold hold, hold_firewall());
  for (const std::string& name : names) {
    if (!check_service_name(name)) continue;
    TRY_ASSIGN(std::optional<ServiceLock> lock, ServiceLock::try_acquire(files.lock_directory(), name));
    if (!lock) continue;  // somebody is at it
    ignore(mend(*lock), "a verb about this service does it again, and tells");
  }
  return {};
}

}  // namespace shoji::net
