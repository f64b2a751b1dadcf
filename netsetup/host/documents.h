#pragma once
// Networks as they are defined, and what that means for bridges and the firewall.
#include "netsetup/host/check.h"
#include "netsetup/host/context.h"

namespace shoji::net {

Result<> create_document(HostContext& context, const Network& network);
Result<> replace_document(HostContext& context, const Network& network);
Result<> remove_document(HostContext& context, const std::string& name);
// Partitions that are attached follow another document of their network: gateways, routes and MTU.
Result<> follow_document(HostContext& context, const Network& before, const Network& after);
// The same for one, whose partition's pending file the caller holds.
Result<> follow(HostContext& context, const HostFacts& facts, const Network& before, const Network& after,
                const Attachment& attachment);
std::vector<Address> gateways_of(const Network& network, const Attachment& attachment);
// Bridge and firewall as the document has it, or gone with it. `text` is the pending file's: documents that were, or were
// to be.
Result<> settle_network(HostContext& context, const std::string& name, const std::string& text);

}  // namespace shoji::net
