#include <algorithm>

#include "cli/net/attach_request.h"
#include "cli/net/indented.h"
#include "cli/net/network_options.h"
#include "cli/net/verbs.h"

namespace shoji::cli::net {

namespace {

using shoji::net::Attachment;

std::string json_of(const std::vector<Attachment>& attachments) {
  std::string out = "[";
  for (const Attachment& attachment : attachments)
    out += cat(out.size() == 1 ? "\n" : ",\n", indented(shoji::net::print_attachment(attachment), 2));
  return out + (attachments.empty() ? "]\n" : "\n]\n");
}

Result<int> apply(const op::Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY_ASSIGN(std::string text, read_document(arguments[0]));
  TRY_ASSIGN(ApplyDocument document,
             read_apply_document(std::move(text), arguments[0] == "-" ? "standard input" : arguments[0]));
  TRY_ASSIGN(shoji::net::HostNetworks host, shoji::net::HostNetworks::open(store_of(globals)));
  for (PartitionPlan& plan : document.attach) {
    std::vector<Attachment> attached;
    bool released = std::ranges::find(document.release, plan.request.partition) != document.release.end();
    if (!released) {
      TRY_ASSIGN(attached, shoji::net::list_attachments(host.store(), plan.request.partition));
    }
    TRY(settle(host.store(), attached, plan));
  }
  if (!document.release.empty()) TRY(host.remove(document.release));
  TRY_ASSIGN(std::vector<Attachment> made, carry_out(host, document.attach));
  TRY(print(json_of(made)));
  return kExitOk;
}

}  // namespace

constinit const Verb network_apply_verb = acting<NoOptions, apply>(op::kNetworkApply);

}  // namespace shoji::cli::net
