#pragma once
// The two ways to write a sysctl's name (sysctl.d(5)): net.ipv4.conf.eno2/100.rp_filter and
// net/ipv4/conf/eno2.100/rp_filter. The first separator tells which one it is.
#include <string>
#include <string_view>

namespace shoji {

// With dots between the parts, as names are compared.
std::string sysctl_dots(std::string_view name);
// Below /proc/sys, as the kernel has it.
std::string sysctl_path(std::string_view name);

}  // namespace shoji
