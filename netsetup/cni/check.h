#pragma once
// What is not as the records of CNI attachments say.
#include <string>
#include <vector>

#include "netsetup/cni/cni.h"

namespace shoji::net {

struct CniFault {
  std::string partition, network;
  std::string what;  // a sentence
  bool repaired = false;
};

// Asks the plugins about the attachments of kind cni among `attachments`, the ones of this host, and looks for records that
// belong to none of them (of an earlier boot, or of who was killed): `repair` has those undone. What a plugin finds wrong
// with a partition is for its operator: only a new attach mends it, and that may bring another address.
Result<std::vector<CniFault>> check_cni(const NetworkStore& store, const std::vector<Attachment>& attachments,
                                        bool repair, const CniPlaces& places = CniPlaces::of_environment());

}  // namespace shoji::net
