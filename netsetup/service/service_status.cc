// Services as they are: members' addresses, slots and connections; waiting for a drained one; comparing with the kernel.
#include <time.h>

#include <algorithm>

#include "netsetup/conntrack/conntrack.h"
#include "netsetup/firewall/slots.h"
#include "netsetup/service/resolve.h"
#include "netsetup/service/service_state.h"

namespace shoji::net {

namespace {

using std::chrono::milliseconds;

Result<ServiceState> read_state(const ServiceFiles& files, ServiceDefinition definition) {
  TRY_ASSIGN(std::optional<ServiceRecord> record, files.record(definition.name));
  TRY_ASSIGN(auto addresses, resolve_members(files.store(), definition, {}));
  ServiceState out{.definition = std::move(definition), .members = {}};
  for (size_t i = 0; i < out.definition.members.size(); ++i) {
    ServiceMemberState member{.definition = out.definition.members[i], .addresses = std::move(addresses[i])};
    TRY_ASSIGN(MemberTarget target, parse_member_target(member.definition.target));
    if (record) {
      member.healthy =
          std::ranges::find(record->unhealthy, member.definition.target) == record->unhealthy.end();
      for (const Address& address : member.addresses) {
        std::string key = member_key({.partition = {}, .address = address, .port = target.port});
        const std::vector<std::string>& row = record->rows[static_cast<size_t>(address.family())];
        member.slots = std::max(member.slots, static_cast<size_t>(std::ranges::count(row, key)));
      }
    }
    out.members.push_back(std::move(member));
  }
  return out;
}

// One dump of the kernel's table for all of them.
Result<> count_all(std::vector<ServiceState>& services) {
  std::vector<ConnectionTarget> targets;
  std::vector<ServiceMemberState*> owners;
  for (ServiceState& service : services)
    for (ServiceMemberState& member : service.members) {
      TRY_ASSIGN(MemberTarget target, parse_member_target(member.definition.target));
      for (const Address& address : member.addresses) {
        targets.push_back(
            {.address = address, .port = target.port, .protocol = service.definition.port.protocol});
        owners.push_back(&member);
      }
    }
  if (targets.empty()) return {};
  TRY_ASSIGN(std::vector<size_t> counts, count_connections(targets));
  for (size_t i = 0; i < counts.size(); ++i) owners[i]->connections += counts[i];
  return {};
}

milliseconds now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return milliseconds(time.tv_sec * 1000 + time.tv_nsec / 1'000'000);
}

void sleep_for(milliseconds time) {
  timespec left{.tv_sec = time.count() / 1000, .tv_nsec = time.count() % 1000 * 1'000'000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

// Until no connection leads to any of them, or the time is over: how many then.
Result<size_t> wait_for_none(const std::vector<ConnectionTarget>& targets, milliseconds wait) {
  constexpr milliseconds kFirstPause(5), kLongestPause(100);
  // The kernel walks its whole table for an answer (35 ms when it has 262,144 buckets, empty or not): a tenth of a CPU is
  // as much as waiting may cost beside those who serve.
  constexpr int kPauseOfCost = 9;
  milliseconds end = now() + wait;
  milliseconds pause = kFirstPause;
  while (true) {
    // Before the first look, too: a first packet that found the old slot may not be in the table yet.
    sleep_for(pause);
    milliseconds begin = now();
    TRY_ASSIGN(std::vector<size_t> counts, count_connections(targets));
    size_t sum = 0;
    for (size_t count : counts) sum += count;
    milliseconds looked = now(), left = end - looked;
    if (sum == 0 || left <= milliseconds(0)) return sum;
    pause = std::max(std::min(pause * 2, kLongestPause), (looked - begin) * kPauseOfCost);
    pause = std::min(pause, std::max(left, kFirstPause));
  }
}

std::string_view family_name(Family family) {
  return family == Family::kIpv4 ? "IPv4" : "IPv6";
}

// What is wrong with a service in the kernel; "" when nothing is.
Result<std::string> compare(Firewall& firewall, const VirtualService& service,
                            const std::vector<std::string>& row) {
  TRY_ASSIGN(std::optional<std::vector<std::string>> kernel, firewall.read_service(service));
  if (!kernel) return cat("its ", family_name(service.family), " rules are not in the kernel, or not whole");
  size_t wrong = 0;
  std::vector<size_t> wanted = choose_slots(row, service);
  for (size_t i = 0; i < kSlots; ++i) {
    std::string key = wanted[i] == kNobody ? std::string() : member_key(service.members[wanted[i]]);
    wrong += (*kernel)[i] == key ? 0 : 1;
  }
  if (wrong == 0) return std::string();
  return cat(wrong, " of its ", kSlots, ' ', family_name(service.family),
             " slots do not lead where its definition says");
}

}  // namespace

Result<ServiceState> Services::state(const std::string& name) {
  TRY_ASSIGN(ServiceDefinition definition, find(name));
  std::vector<ServiceState> out(1);
  TRY_ASSIGN(out[0], read_state(state_->files, std::move(definition)));
  TRY(count_all(out));
  return std::move(out[0]);
}

Result<std::vector<ServiceState>> Services::states(bool counted) {
  TRY_ASSIGN(std::vector<ServiceDefinition> definitions, list());
  std::vector<ServiceState> out;
  for (ServiceDefinition& definition : definitions) {
    TRY_ASSIGN(ServiceState state, read_state(state_->files, std::move(definition)));
    out.push_back(std::move(state));
  }
  if (counted) TRY(count_all(out));
  return out;
}

Result<size_t> Services::drain_members(const std::string& name, std::span<const std::string> targets,
                                       milliseconds wait) {
  TRY(state_->mend_left_over());
  ServiceDefinition drained;
  TRY(state_->change(name, [&](State::Draft& draft) -> Result<> {
    drained = draft.definition;
    drained.members.clear();
    for (const std::string& target : targets) {
      TRY_ASSIGN(MemberTarget parsed, parse_member_target(target));
      std::vector<ServiceMemberDefinition>& members = draft.definition.members;
      auto member = std::ranges::find(members, parsed.text(), &ServiceMemberDefinition::target);
      if (member == members.end())
        return fail(Kind::kNotFound, cat("service ", quote(name), " has no member ", quote(target)));
      member->drained = true;
      drained.members.push_back(*member);
    }
    return {};
  }));
  TRY_ASSIGN(auto addresses, resolve_members(state_->files.store(), drained, {}));
  std::vector<ConnectionTarget> ends;
  for (size_t i = 0; i < addresses.size(); ++i) {
    TRY_ASSIGN(MemberTarget target, parse_member_target(drained.members[i].target));
    for (const Address& address : addresses[i])
      ends.push_back({.address = address, .port = target.port, .protocol = drained.port.protocol});
  }
  if (ends.empty()) return size_t{0};
  return wait_for_none(ends, wait);
}

Result<std::vector<ServiceFault>> Services::check(bool repair) {
  std::vector<ServiceFault> out;
  TRY_ASSIGN(std::set<std::string> names, state_->files.left_over());
  TRY_ASSIGN(std::vector<std::string> defined, state_->files.names());
  names.insert(defined.begin(), defined.end());
  for (const std::string& name : names) {
    if (!check_service_name(name)) continue;
    TRY_ASSIGN(std::string what, state_->fault_of(name));
    if (what.empty()) continue;
    ServiceFault& fault = out.emplace_back(ServiceFault{.service = name, .what = std::move(what)});
    if (!repair) continue;
    TRY_ASSIGN(FirewallHold hold, state_->hold_firewall());
    TRY_ASSIGN(ServiceLock lock, ServiceLock::acquire(state_->files.lock_directory(), name));
    if (Result<> mended = state_->mend(lock); !mended) {
      fault.what += cat("; ", mended.error().text);
    } else {
      fault.repaired = true;
    }
  }
  return out;
}

Result<> Services::refresh() {
  TRY_ASSIGN(std::vector<ServiceFault> faults, check(true));
  for (const ServiceFault& fault : faults)
    if (!fault.repaired) return fail(Kind::kState, cat("service ", quote(fault.service), ": ", fault.what));
  return {};
}

Result<std::string> Services::State::fault_of(const std::string& name) {
  TRY_ASSIGN(std::optional<ServiceLock> lock, ServiceLock::try_acquire(files.lock_directory(), name));
  if (!lock) return std::string();  // being changed: whoever does it sees to it
  if (lock->dirty()) return std::string("a change of it was interrupted");
  Result<ServiceDefinition> definition = files.definition(name);
  TRY_ASSIGN(std::optional<ServiceRecord> record, files.record(name));
  if (!definition && definition.error().kind != Kind::kNotFound) return definition.error().text;
  if (!definition) return std::string(record ? "it is defined no more, and was not cleared away" : "");
  if (!record) return std::string("it is not in the kernel since the host was started");
  TRY_ASSIGN(auto addresses, resolve_members(files.store(), *definition, {}));
  TRY_ASSIGN(Firewall * open, open_firewall());
  for (const VirtualService& service : kernel_services(*definition, addresses, record->unhealthy)) {
    TRY_ASSIGN(std::string what, compare(*open, service, record->rows[static_cast<size_t>(service.family)]));
    if (!what.empty()) return what;
  }
  return std::string();
}

}  // namespace shoji::net
