#pragma once
// Partitions on networks that CNI plugins make.
//
//   ROOT/cni/PARTITION/NETWORK     what an ADD was asked for, with the configuration, and then its result: JSON
//
// The record is there before the first plugin runs, and until the last one has undone its part; plugins keep addresses on
// disk, so that it has to survive a reboot as well ("The runtime must store the result [...] persistently").
// One operation on a partition at a time is the caller's business.
#include <functional>
#include <string>
#include <vector>

#include "netsetup/attach/attach.h"
#include "netsetup/cni/config.h"

namespace shoji::net {

// What `cni:NAME` means: a network of that name and of kind cni. kNotFound without a configuration.
Result<Network> cni_network(const std::string& name, const CniPlaces& places = CniPlaces::of_environment());
// The network of a name that may be "cni:NAME", or one of the store.
Result<Network> find_network_or_cni(const NetworkStore& store, const std::string& name,
                                    const CniPlaces& places = CniPlaces::of_environment());

// Addresses, MAC, ports and rates of the request are passed to the plugins that declare the capability for them; wanted
// without such a plugin, and access rules, are kUnsupported. Routes are the plugins' business. `netns` is the path of the
// partition's namespace. What was made is undone on an error.
Result<Attachment> cni_attach(const NetworkStore& store, const Network& network, const AttachRequest& request,
                              const std::string& netns,
                              const CniPlaces& places = CniPlaces::of_environment());
// Works on a half-made one, when the namespace is gone, after a reboot, and twice. After an error it can be done again.
Result<> cni_detach(const NetworkStore& store, const std::string& partition, const std::string& network,
                    const CniPlaces& places = CniPlaces::of_environment());
// What the plugins say about an attachment.
Result<> cni_check_attachment(const NetworkStore& store, const std::string& partition,
                              const std::string& network,
                              const CniPlaces& places = CniPlaces::of_environment());

struct CniLeftover {
  std::string partition, network;
  bool operator==(const CniLeftover&) const = default;
};
// Records of an earlier boot, and those of which `lives` knows nothing: to be detached.
Result<std::vector<CniLeftover>> cni_leftovers(
    const NetworkStore& store,
    const std::function<bool(const std::string& partition, const std::string& network)>& lives);

}  // namespace shoji::net
