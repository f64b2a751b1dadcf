#include "cli/net/editor.h"
#include "cli/net/network_options.h"
#include "cli/net/verbs.h"
#include "netsetup/host/host_networks.h"

namespace shoji::cli::net {

namespace {

using shoji::net::Network;

Result<Network> edited(const Network& before) {
  TRY_ASSIGN(EditedDocument document, edit_document(before.name, shoji::net::print_network(before)));
  TRY_ASSIGN(Network after, shoji::net::parse_network(document.text, document.file));
  document.forget();
  return after;
}

Result<Network> asked_for(const op::NetworkEditOptions& options, const Network& before) {
  if (!options.file.empty()) return read_network(options.file);
  if (!any_given(options)) return edited(before);
  TRY_ASSIGN(Network changed, with_options(before, options));
  return checked_network(changed);
}

Result<int> edit(const op::Globals& globals, op::NetworkEditOptions& options, Arguments& arguments) {
  TRY_ASSIGN(Network before, shoji::net::find_network(store_of(globals), arguments[0]));
  TRY_ASSIGN(Network after, asked_for(options, before));
  if (after.name != before.name)
    return fail(Kind::kInvalid, cat("/name: a network keeps its name, ", quote(before.name)));
  if (shoji::net::print_network(after) == shoji::net::print_network(before)) return kExitOk;
  TRY_ASSIGN(shoji::net::HostNetworks host, shoji::net::HostNetworks::open(store_of(globals)));
  TRY(host.replace_network(after));
  return kExitOk;
}

}  // namespace

constinit const Verb network_edit_verb = acting<op::NetworkEditOptions, edit>(op::kNetworkEdit);

}  // namespace shoji::cli::net
