// RDMA handles and objects: rdma.max in both versions.
#include "cgroups/controllers.h"

namespace shoji {

Result<> plan_rdma(const Resources& resources, KnobWrites& out) {
  for (const RdmaLimit& rdma : resources.rdma) {
    std::string text = rdma.device;
    if (rdma.hca_handles) text += cat(" hca_handle=", *rdma.hca_handles);
    if (rdma.hca_objects) text += cat(" hca_object=", *rdma.hca_objects);
    if (text == rdma.device) continue;
    out.push_back({.file = "rdma.max", .text = text, .limit = cat("rdma ", quote(text))});
  }
  return {};
}

}  // namespace shoji
