// `shoji service ls` and `inspect`.
#include "base/json.h"
#include "cli/net/service_verbs.h"
#include "netsetup/firewall/slots.h"
#include "netsetup/service/service_store.h"

namespace shoji::cli::net {

namespace {

using shoji::net::ServiceMemberState;
using shoji::net::Services;
using shoji::net::ServiceState;

bool takes_connections(const ServiceMemberState& member) {
  return member.healthy && !member.definition.drained && !member.addresses.empty();
}

op::ServiceRow row_of(const ServiceState& service) {
  op::ServiceRow out{.name = service.definition.name,
                     .port = shoji::net::print_service_port(service.definition.port),
                     .spread = std::string(shoji::net::spread_name(service.definition.spread))};
  for (const ServiceMemberState& member : service.members) {
    ++out.members;
    out.healthy += takes_connections(member) ? 1 : 0;
    out.connections += member.connections;
  }
  return out;
}

Result<int> list(const op::Globals& globals, op::ServiceLsOptions& options, Arguments& /*arguments*/) {
  TRY_ASSIGN(Services services, Services::open(store_of(globals)));
  // Completion asks for names only, and the table of connections may be long.
  bool counted = options.output != "name";
  TRY_ASSIGN(std::vector<ServiceState> states, services.states(counted));
  std::vector<op::ServiceRow> rows;
  for (const ServiceState& state : states) rows.push_back(row_of(state));
  TRY(print(listing(op::service_columns(), options, rows)));
  return kExitOk;
}

void print_state(JsonWriter& out, const ServiceState& service) {
  out.begin_object().member("name", service.definition.name);
  out.member("port", shoji::net::print_service_port(service.definition.port));
  out.member("spread", shoji::net::spread_name(service.definition.spread));
  out.member("slots", uint64_t{shoji::net::kSlots}).key("members").begin_array();
  for (const ServiceMemberState& member : service.members) {
    out.begin_object().member("target", member.definition.target).key("addresses").begin_array();
    for (const shoji::net::Address& address : member.addresses) out.value(address.text());
    out.end_array().member("weight", uint32_t{member.definition.weight});
    out.member("drained", member.definition.drained).member("healthy", member.healthy);
    out.member("slots", uint64_t{member.slots})
        .member("connections", uint64_t{member.connections})
        .end_object();
  }
  out.end_array().end_object();
}

Result<int> inspect(const op::Globals& globals, op::ServiceInspectOptions& options, Arguments& arguments) {
  TRY_ASSIGN(Services services, Services::open(store_of(globals)));
  if (options.format == "document") {
    TRY_ASSIGN(shoji::net::ServiceDefinition service, services.find(arguments[0]));
    TRY(print(shoji::net::print_service(service)));
    return kExitOk;
  }
  JsonWriter out(JsonWriter::Style::kIndented);
  out.begin_array();
  for (const std::string& name : arguments) {
    TRY_ASSIGN(ServiceState state, services.state(name));
    print_state(out, state);
  }
  out.end_array();
  TRY(print(out.take() + "\n"));
  return kExitOk;
}

}  // namespace

constinit const Verb service_ls_verb = acting<op::ServiceLsOptions, list>(op::kServiceLs);
constinit const Verb service_inspect_verb = acting<op::ServiceInspectOptions, inspect>(op::kServiceInspect);

}  // namespace shoji::cli::net
