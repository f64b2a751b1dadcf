#include "cli/net/attach_request.h"
#include "cli/net/verbs.h"

namespace shoji::cli::net {

namespace {

using shoji::net::Attachment;

Result<PartitionPlan> planned(op::NetworkAttachOptions& options, const Arguments& arguments) {
  PartitionPlan plan;
  plan.request.partition = arguments[0];
  plan.request.netns = options.pid ? cat("/proc/", *options.pid, "/ns/net") : options.netns;
  plan.request.make_netns = options.make;
  TRY_ASSIGN(shoji::net::NetworkChoice choice, shoji::net::parse_choice(arguments[1]));
  plan.choices = {choice};
  TRY(shoji::net::check_choices(arguments[0], plan.choices));
  if (!choice.attaches()) return plan;
  if (options.no_default_route) options.default_route = false;
  TRY_ASSIGN(shoji::net::AttachRequest request, read_words(options, WordSource::command_line()));
  request.network = shoji::net::print_choice(choice);
  plan.request.networks.push_back(std::move(request));
  return plan;
}

std::string text_of(const std::vector<Attachment>& attachments) {
  std::string out;
  for (const Attachment& attachment : attachments)
    for (const shoji::net::Prefix& address : attachment.addresses) out += address.address.text() + "\n";
  return out;
}

Result<int> attach(const op::Globals& globals, op::NetworkAttachOptions& options, Arguments& arguments) {
  TRY_ASSIGN(PartitionPlan plan, planned(options, arguments));
  TRY_ASSIGN(shoji::net::HostNetworks host, shoji::net::HostNetworks::open(store_of(globals)));
  TRY_ASSIGN(std::vector<Attachment> made, carry_out(host, std::span(&plan, 1)));
  bool json = options.format == "json" && !made.empty();
  TRY(print(json ? shoji::net::print_attachment(made[0]) : text_of(made)));
  return kExitOk;
}

}  // namespace

constinit const Verb network_attach_verb = acting<op::NetworkAttachOptions, attach>(op::kNetworkAttach);

}  // namespace shoji::cli::net
