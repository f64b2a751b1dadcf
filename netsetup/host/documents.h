#pragma once
// Networks as they are defined, and what that means for bridges and the firewall.
#include "netsetup/host/context.h"

namespace shoji::net {

Result<> create_document(HostContext& context, const Network& network);
Result<> replace_document(HostContext& context, const Network& network);
Result<> remove_document(HostContext& context, const std::string& name);
// Bridge and firewall as the document has it, or gone with it. `text` is the pending file's: documents that were, or were
// to be.
Result<> settle_network(HostContext& context, const std::string& name, const std::string& text);

}  // namespace shoji::net
