#include <algorithm>

#include "base/json.h"
#include "cli/net/verbs.h"
#include "netsetup/host/host_networks.h"

namespace shoji::cli::net {

namespace {

std::string text_of(const std::vector<shoji::net::Fault>& faults) {
  std::string out;
  for (const shoji::net::Fault& fault : faults)
    out += cat(fault.subject, ": ", fault.what, fault.repaired ? " (repaired)\n" : "\n");
  return out;
}

std::string json_of(const std::vector<shoji::net::Fault>& faults) {
  JsonWriter out(JsonWriter::Style::kIndented);
  out.begin_array();
  for (const shoji::net::Fault& fault : faults)
    out.begin_object()
        .member("subject", fault.subject)
        .member("fault", fault.what)
        .member("repaired", fault.repaired)
        .end_object();
  out.end_array();
  return out.take() + "\n";
}

Result<int> check(const op::Globals& globals, op::NetworkCheckOptions& options, Arguments& /*arguments*/) {
  TRY_ASSIGN(shoji::net::HostNetworks host, shoji::net::HostNetworks::open(store_of(globals)));
  TRY_ASSIGN(std::vector<shoji::net::Fault> faults, host.check(options.repair));
  TRY(print(options.format == "json" ? json_of(faults) : text_of(faults)));
  return std::ranges::all_of(faults, &shoji::net::Fault::repaired) ? kExitOk : op::kExitFaults;
}

}  // namespace

constinit const Verb network_check_verb = acting<op::NetworkCheckOptions, check>(op::kNetworkCheck);

}  // namespace shoji::cli::net
