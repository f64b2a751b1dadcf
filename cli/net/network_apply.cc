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
    out += cat(out.size() == 1 ? "\n" : ",\n", indented(shoji::net::print_attachment(attachment, true), 0));
  return out + (attachments.empty() ? "]\n" : "\n]\n");
}

Result<int> apply(const op::Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY_ASSIGN(std::string text, read_document(arguments[0]));
  TRY_ASSIGN(ApplyDocument document,
             read_apply_document(std::move(text), arguments[0] == "-" ? "standard input" : arguments[0]));
  TRY_ASSIGN(shoji::net::HostNetworks host, shoji::net::HostNetworks::open(store_of(globals)));
  if (!document.release.empty()) TRY(host.remove(document.release));
  TRY_ASSIGN(std::vector<Attachment> made, carry_out(host, document.attach));
  TRY(print(json_of(made)));
  return kExitOk;
}

}  // namespace

constinit const Verb network_apply_verb = acting<NoOptions, apply>(op::kNetworkApply);

}  // namespace shoji::cli::net
