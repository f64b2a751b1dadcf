#pragma once
// What is kept of a CNI attachment, ROOT/cni/PARTITION/NETWORK.
#include "netsetup/attach/network_store.h"
#include "netsetup/cni/chain.h"

namespace shoji::net {

struct CniRecord {
  std::string boot_id;
  CniConfig config;
  CniCall call;
  std::string result;  // of ADD; empty: it has not ended well
};

Result<> write_cni_record(const NetworkStore& store, const std::string& network, const CniRecord& record);
// kNotFound.
Result<CniRecord> read_cni_record(const NetworkStore& store, const std::string& partition,
                                  const std::string& network);
Result<> remove_cni_record(const NetworkStore& store, const std::string& partition,
                           const std::string& network);
// Names below ROOT/cni, or below a partition's directory there.
Result<std::vector<std::string>> list_cni_records(const NetworkStore& store, std::string_view partition = {});

}  // namespace shoji::net
