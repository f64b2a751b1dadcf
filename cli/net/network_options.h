#pragma once
// Networks out of options.
#include "cli/net/editor.h"
#include "cli/operator/network_verbs.h"
#include "netsetup/network/network.h"

namespace shoji::cli::net {

// `network` with what the options say; what they do not name stays. What it is as a whole is not checked here.
Result<shoji::net::Network> with_options(shoji::net::Network network, const op::NetworkOptions& options);
// podman's KEY=VALUE into options of our own.
Result<> take_podman_options(op::NetworkCreateOptions& options);

// The network as its document would be read: with what the document leaves out, or what is wrong with it.
Result<shoji::net::Network> checked_network(const shoji::net::Network& network);
// The document in FILE, or on standard input for "-".
Result<shoji::net::Network> read_network(const std::string& file);

}  // namespace shoji::cli::net
