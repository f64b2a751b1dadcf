// `shoji service create, edit, rm, add, drain, remove, weight, health`.
#include <charconv>

#include "base/quantity.h"
#include "cli/net/editor.h"
#include "cli/net/service_verbs.h"
#include "netsetup/service/service_store.h"

namespace shoji::cli::net {

namespace {

using shoji::net::ServiceDefinition;
using shoji::net::ServiceMemberDefinition;
using shoji::net::Services;

Result<Services> open_services(const op::Globals& globals) {
  return Services::open(store_of(globals));
}

// TARGET or TARGET=WEIGHT.
Result<ServiceMemberDefinition> parse_member(const std::string& text, bool needs_weight) {
  size_t equals = text.rfind('=');
  ServiceMemberDefinition out{.target = text.substr(0, equals)};
  if (equals == std::string::npos && !needs_weight) return out;
  if (equals == std::string::npos) return fail(Kind::kInvalid, cat(quote(text), " is not MEMBER=WEIGHT"));
  std::string_view weight = std::string_view(text).substr(equals + 1);
  auto [end, error] = std::from_chars(weight.data(), weight.data() + weight.size(), out.weight);
  if (error != std::errc() || end != weight.data() + weight.size() || out.weight == 0)
    return fail(Kind::kInvalid, cat(quote(weight), " is not a weight between 1 and 65535"));
  return out;
}

// Those after the first `skipped` arguments.
Result<std::vector<ServiceMemberDefinition>> parse_members(const Arguments& arguments, size_t skipped,
                                                           bool need_weights = false) {
  std::vector<ServiceMemberDefinition> out;
  for (size_t i = skipped; i < arguments.size(); ++i) {
    TRY_ASSIGN(ServiceMemberDefinition member, parse_member(arguments[i], need_weights));
    out.push_back(std::move(member));
  }
  return out;
}

std::span<const std::string> targets_of(const Arguments& arguments) {
  return std::span(arguments).subspan(1);
}

Result<ServiceDefinition> read_service(const std::string& file) {
  TRY_ASSIGN(std::string text, read_document(file));
  return shoji::net::parse_service(std::move(text), file == "-" ? "standard input" : file);
}

Result<ServiceDefinition> asked_for(const op::ServiceEditOptions& options, const ServiceDefinition& before) {
  if (!options.file.empty()) return read_service(options.file);
  ServiceDefinition after = before;
  if (!options.spread.empty()) {
    TRY_ASSIGN(after.spread, shoji::net::parse_spread(options.spread));
  }
  if (!options.port.empty()) {
    TRY_ASSIGN(after.port, shoji::net::parse_service_port(options.port));
  }
  if (!options.spread.empty() || !options.port.empty()) return after;
  TRY_ASSIGN(EditedDocument document, edit_document(before.name, shoji::net::print_service(before)));
  TRY_ASSIGN(after, shoji::net::parse_service(document.text, document.file));
  document.forget();
  return after;
}

Result<int> edit(const op::Globals& globals, op::ServiceEditOptions& options, Arguments& arguments) {
  TRY_ASSIGN(Services services, open_services(globals));
  TRY_ASSIGN(ServiceDefinition before, services.find(arguments[0]));
  TRY_ASSIGN(ServiceDefinition after, asked_for(options, before));
  if (after.name != before.name)
    return fail(Kind::kInvalid, cat("/name: a service keeps its name, ", quote(before.name)));
  TRY(services.replace(after));
  return kExitOk;
}

Result<int> create(const op::Globals& globals, op::ServiceCreateOptions& options, Arguments& arguments) {
  if (options.engine == "ipvs")
    return fail(Kind::kUnsupported, "services are maps of nftables: IPVS is not supported as their engine");
  ServiceDefinition service;
  if (options.file.empty()) {
    service.name = arguments[0];
    TRY_ASSIGN(service.port, shoji::net::parse_service_port(arguments[1]));
    TRY_ASSIGN(service.spread, shoji::net::parse_spread(options.spread));
    TRY_ASSIGN(service.members, parse_members(arguments, 2));
  } else {
    TRY_ASSIGN(service, read_service(options.file));
  }
  TRY_ASSIGN(Services services, open_services(globals));
  TRY(services.create(service));
  return kExitOk;
}

Result<int> rm(const op::Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY_ASSIGN(Services services, open_services(globals));
  for (const std::string& name : arguments) TRY(services.remove(name));
  return kExitOk;
}

Result<int> add(const op::Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY_ASSIGN(std::vector<ServiceMemberDefinition> members, parse_members(arguments, 1));
  TRY_ASSIGN(Services services, open_services(globals));
  TRY(services.add_members(arguments[0], members));
  return kExitOk;
}

Result<int> drain(const op::Globals& globals, op::ServiceDrainOptions& options, Arguments& arguments) {
  TRY_ASSIGN(uint64_t wait, parse_duration(options.wait));
  TRY_ASSIGN(Services services, open_services(globals));
  TRY_ASSIGN(size_t left,
             services.drain_members(arguments[0], targets_of(arguments), std::chrono::milliseconds(wait)));
  TRY(print(cat(left, left == 1 ? " connection" : " connections", " left\n")));
  return left != 0 && wait != 0 ? op::kExitConnectionsLeft : kExitOk;
}

Result<int> remove(const op::Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY_ASSIGN(Services services, open_services(globals));
  TRY(services.remove_members(arguments[0], targets_of(arguments)));
  return kExitOk;
}

Result<int> weight(const op::Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY_ASSIGN(std::vector<ServiceMemberDefinition> members, parse_members(arguments, 1, true));
  TRY_ASSIGN(Services services, open_services(globals));
  TRY(services.set_weights(arguments[0], members));
  return kExitOk;
}

Result<int> health(const op::Globals& globals, op::ServiceHealthOptions& /*options*/, Arguments& arguments) {
  TRY_ASSIGN(Services services, open_services(globals));
  TRY(services.set_health(arguments[0], arguments[1] == "up"));
  return kExitOk;
}

}  // namespace

constinit const Verb service_create_verb = acting<op::ServiceCreateOptions, create>(op::kServiceCreate);
constinit const Verb service_edit_verb = acting<op::ServiceEditOptions, edit>(op::kServiceEdit);
constinit const Verb service_rm_verb = acting<NoOptions, rm>(op::kServiceRm);
constinit const Verb service_add_verb = acting<NoOptions, add>(op::kServiceAdd);
constinit const Verb service_drain_verb = acting<op::ServiceDrainOptions, drain>(op::kServiceDrain);
constinit const Verb service_remove_verb = acting<NoOptions, remove>(op::kServiceRemove);
constinit const Verb service_weight_verb = acting<NoOptions, weight>(op::kServiceWeight);
constinit const Verb service_health_verb = acting<op::ServiceHealthOptions, health>(op::kServiceHealth);

}  // namespace shoji::cli::net
