#include "netsetup/service/service_store.h"

#include <algorithm>

#include "netsetup/service/resolve.h"
#include "netsetup/service/service_state.h"

namespace shoji::net {

namespace {

Failure no_member(const std::string& name, const std::string& target) {
  return fail(Kind::kNotFound, cat("service ", quote(name), " has no member ", quote(target)));
}

// By its target in any spelling.
Result<ServiceMemberDefinition*> find_member(ServiceDefinition& service, const std::string& target) {
  TRY_ASSIGN(MemberTarget parsed, parse_member_target(target));
  auto member = std::ranges::find(service.members, parsed.text(), &ServiceMemberDefinition::target);
  if (member == service.members.end()) return no_member(service.name, target);
  return &*member;
}

// Whether `target` of a definition is what a health check speaks of.
bool is_meant(const std::string& target, const std::string& host, const std::optional<MemberTarget>& member) {
  if (member) return target == member->text();
  Result<MemberTarget> parsed = parse_member_target(target);
  return parsed && parsed->host() == host;
}

}  // namespace

Services::Services(std::unique_ptr<State> state) : state_(std::move(state)) {}
Services::Services(Services&&) noexcept = default;
Services::~Services() = default;

Result<Services> Services::open(NetworkStore store, Firewall* firewall) {
  return Services(std::make_unique<State>(std::move(store), firewall));
}

Result<> Services::create(const ServiceDefinition& service) {
  TRY(state_->mend_left_over());
  return state_->create(service);
}

Result<> Services::replace(const ServiceDefinition& service) {
  TRY(state_->mend_left_over());
  return state_->change(service.name, [&](State::Draft& draft) -> Result<> {
    draft.definition = service;
    return {};
  });
}

Result<> Services::remove(const std::string& name) {
  TRY(state_->mend_left_over());
  return state_->remove(name);
}

Result<ServiceDefinition> Services::find(const std::string& name) {
  TRY(state_->mend_left_over());
  return state_->files.definition(name);
}

Result<std::vector<ServiceDefinition>> Services::list() {
  TRY(state_->mend_left_over());
  TRY_ASSIGN(std::vector<std::string> names, state_->files.names());
  std::vector<ServiceDefinition> out;
  for (const std::string& name : names) {
    Result<ServiceDefinition> service = state_->files.definition(name);
    if (!service && service.error().kind == Kind::kNotFound) continue;  // gone meanwhile
    if (!service) return Failure(service.error());
    out.push_back(std::move(*service));
  }
  return out;
}

Result<> Services::add_members(const std::string& name, std::span<const ServiceMemberDefinition> members) {
  TRY(state_->mend_left_over());
  return state_->change(name, [&](State::Draft& draft) -> Result<> {
    for (const ServiceMemberDefinition& member : members) {
      Result<ServiceMemberDefinition*> there = find_member(draft.definition, member.target);
      if (!there && there.error().kind != Kind::kNotFound) return Failure(there.error());
      if (!there) {
        draft.definition.members.push_back(member);
        continue;
      }
      if (!(*there)->drained)
        return fail(Kind::kExists,
                    cat("service ", quote(name), " has the member ", quote(member.target), " already"));
      (*there)->drained = member.drained;
      (*there)->weight = member.weight;
    }
    return {};
  });
}

Result<> Services::remove_members(const std::string& name, std::span<const std::string> targets) {
  TRY(state_->mend_left_over());
  return state_->change(name, [&](State::Draft& draft) -> Result<> {
    std::vector<ServiceMemberDefinition>& members = draft.definition.members;
    for (const std::string& target : targets) {
      TRY_ASSIGN(ServiceMemberDefinition * member, find_member(draft.definition, target));
      members.erase(members.begin() + (member - members.data()));
    }
    return {};
  });
}

Result<> Services::set_weights(const std::string& name, std::span<const ServiceMemberDefinition> members) {
  TRY(state_->mend_left_over());
  return state_->change(name, [&](State::Draft& draft) -> Result<> {
    for (const ServiceMemberDefinition& member : members) {
      TRY_ASSIGN(ServiceMemberDefinition * there, find_member(draft.definition, member.target));
      there->weight = member.weight;
    }
    return {};
  });
}

Result<size_t> Services::set_health(const std::string& target_or_partition, bool healthy) {
  TRY(state_->mend_left_over());
  std::optional<MemberTarget> member;
  std::string host = target_or_partition;
  if (Result<MemberTarget> parsed = parse_member_target(target_or_partition)) {
    member = *parsed;
    host = parsed->host();
  } else if (Result<Address> address = Address::parse(target_or_partition)) {
    host = address->text();
  }
  if (host.empty() || host.find('/') != std::string::npos)
    return fail(Kind::kInvalid, cat(quote(host), " is neither a partition nor a member"));
  TRY_ASSIGN(std::vector<std::string> names, state_->files.services_of(host));
  size_t found = 0;
  for (const std::string& name : names) {
    bool is_member = false;
    Result<> done = state_->change(name, [&](State::Draft& draft) -> Result<> {
      for (const ServiceMemberDefinition& one : draft.definition.members) {
        if (!is_meant(one.target, host, member)) continue;
        is_member = true;
        std::erase(draft.unhealthy, one.target);
        if (!healthy) draft.unhealthy.push_back(one.target);
      }
      return {};
    });
    if (!done && done.error().kind == Kind::kNotFound) continue;  // the index is more than there is
    if (!done) return Failure(done.error());
    found += is_member ? 1 : 0;
  }
  if (found == 0) return fail(Kind::kNotFound, cat("no service has the member ", quote(target_or_partition)));
  return found;
}

Result<> Services::partitions_changed(std::span<const std::string> partitions, bool leaving) {
  std::set<std::string> names;
  for (const std::string& partition : partitions) {
    TRY_ASSIGN(std::vector<std::string> found, state_->files.services_of(partition));
    names.insert(found.begin(), found.end());
  }
  std::set<std::string> going;
  if (leaving) going.insert(partitions.begin(), partitions.end());
  Result<> out;
  for (const std::string& name : names) {
    Result<> done = state_->change(name, [](State::Draft&) -> Result<> { return {}; }, going);
    // One that cannot be changed does not keep the others from it.
    if (!done && done.error().kind != Kind::kNotFound && out) out = std::move(done);
  }
  return out;
}

}  // namespace shoji::net
