#include "cli/net/indented.h"
#include "cli/net/verbs.h"
#include "netsetup/attach/attach.h"
#include "netsetup/cni/cni.h"

namespace shoji::cli::net {

namespace {

using shoji::net::Attachment;
using shoji::net::Network;

std::string json_of(const Network& network, const std::vector<const Attachment*>& attached) {
  // The document as it is, with one member more.
  std::string document = indented(shoji::net::print_network(network), 2);
  document.resize(document.rfind('\n'));
  std::string list;
  for (const Attachment* attachment : attached)
    list += cat(list.empty() ? "" : ",", '\n', indented(shoji::net::print_attachment(*attachment), 6));
  return cat(document, ",\n    \"attached\": [", list, list.empty() ? "" : "\n    ", "]\n  }");
}

std::string joined_text(const auto& items, auto text) {
  std::string out;
  for (const auto& item : items) out += cat(out.empty() ? "" : ", ", text(item));
  return out;
}

void line(std::string& out, std::string_view title, std::string_view value) {
  if (value.empty()) return;
  out += cat(title, ':', std::string(title.size() < 12 ? 12 - title.size() : 1, ' '), value, '\n');
}

std::string text_of(const shoji::net::Subnet& subnet) {
  std::string out = subnet.prefix.text();
  if (subnet.gateway) out += cat(", gateway ", subnet.gateway->text());
  if (subnet.range_first || subnet.range_last)
    out += cat(", leases ", subnet.first_lease().text(), " to ", subnet.last_lease().text());
  return out;
}

std::string text_of(const Network& network, const std::vector<const Attachment*>& attached) {
  std::string out;
  line(out, "Name", network.name);
  line(out, "Kind", shoji::net::kind_name(network.kind));
  for (const shoji::net::Subnet& subnet : network.subnets) line(out, "Subnet", text_of(subnet));
  if (network.kind == shoji::net::NetworkKind::kBridge) line(out, "Interface", network.interface_name());
  line(out, "Parent", network.parent);
  if (network.kind == shoji::net::NetworkKind::kMacvlan) line(out, "Mode", network.mode);
  line(out, "CNI", network.cni);
  if (network.mtu != 0) line(out, "MTU", cat(network.mtu));
  std::vector<std::string_view> ways;
  if (network.internal) ways.emplace_back("internal");
  if (network.isolated) ways.emplace_back("isolated");
  if (!network.nat) ways.emplace_back("no NAT");
  line(out, "Ways", joined_text(ways, [](std::string_view way) { return way; }));
  for (const shoji::net::StaticRoute& route : network.routes)
    line(out, "Route",
         cat(route.destination.text(), route.gateway ? cat(" via ", route.gateway->text()) : "",
             route.metric != 0 ? cat(" metric ", route.metric) : ""));
  line(out, "DNS", joined_text(network.dns, [](const shoji::net::Address& item) { return item.text(); }));
  for (const auto& [key, value] : network.labels) line(out, "Label", cat(key, '=', value));
  for (const Attachment* attachment : attached)
    line(out, "Attached",
         cat(attachment->partition, ' ', attachment->interface, ' ',
             joined_text(attachment->addresses, [](const shoji::net::Prefix& item) { return item.text(); })));
  return out;
}

Result<int> inspect(const op::Globals& globals, op::NetworkInspectOptions& options, Arguments& arguments) {
  shoji::net::NetworkStore store = store_of(globals);
  if (options.format == "document") {
    TRY_ASSIGN(Network network, shoji::net::find_network(store, arguments[0]));
    TRY(print(shoji::net::print_network(network)));
    return kExitOk;
  }
  TRY_ASSIGN(std::vector<Attachment> attachments, shoji::net::list_attachments(store, ""));
  bool json = options.format == "json";
  std::string out;
  for (const std::string& name : arguments) {
    TRY_ASSIGN(Network network, shoji::net::find_network_or_cni(store, name));
    std::vector<const Attachment*> attached;
    for (const Attachment& attachment : attachments)
      if (attachment.network == name) attached.push_back(&attachment);
    if (!out.empty()) out += json ? ",\n" : "\n";
    out += json ? json_of(network, attached) : text_of(network, attached);
  }
  TRY(print(json ? cat("[\n", out, "\n]\n") : out));
  return kExitOk;
}

}  // namespace

constinit const Verb network_inspect_verb = acting<op::NetworkInspectOptions, inspect>(op::kNetworkInspect);

}  // namespace shoji::cli::net
