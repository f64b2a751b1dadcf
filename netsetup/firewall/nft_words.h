#pragma once
// Words of nft(8)'s language that every text of ours is made of.
#include <string>
#include <string_view>

#include "netsetup/firewall/ruleset.h"

namespace shoji::net {

inline std::string_view word4or6(Family family, std::string_view four, std::string_view six) {
  return family == Family::kIpv4 ? four : six;
}
inline char digit(Family family) {
  return family == Family::kIpv4 ? '4' : '6';
}
// One element of one set or map.
inline std::string element(std::string_view verb, std::string_view set, std::string_view what) {
  return cat(verb, " element ", kTable, ' ', set, " { ", what, " }\n");
}
inline std::string host_and_port(const Address& address, unsigned port) {
  return cat(address.text(), " . ", port);
}

}  // namespace shoji::net
