#pragma once
// linux.sysctl: kernel parameters of the container's own namespaces (config-linux.md "Sysctl", sysctl(8)).
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/step_list.h"
#include "namespaces/namespace_set.h"
#include "spec/spec.h"

namespace shoji {

// The file below /proc/sys: "net/ipv4/ip_forward" of "net.ipv4.ip_forward". As sysctl(8), the first separator
// decides: after a slash, dots belong to names ("net/ipv4/conf/eth0.100/forwarding"); after a dot, slashes
// stand for dots.
std::string sysctl_file(std::string_view key);

// A write per parameter, through the host's /proc. A parameter that no namespace of the container owns would
// change the host: it is refused.
Result<> plan_sysctl(const Spec& spec, const NamespaceSet& namespaces, StepList& list);

}  // namespace shoji
