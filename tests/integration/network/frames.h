#pragma once
// Ethernet frames made by hand, sent and seen in network namespaces (packet(7)). Every frame carries a mark in its last
// bytes, by which it is known again.
#include <set>
#include <string>

#include "base/fd.h"
#include "netsetup/address/address.h"

namespace shoji::test {

inline constexpr const char* kEveryone = "ff:ff:ff:ff:ff:ff";

// All of these begin with the MAC addresses "to" and "from" of the frame, as text.
std::string ip_frame(const std::string& to, const std::string& from, const std::string& destination,
                     const std::string& source, const std::string& mark);  // UDP, of the addresses' family
// "`address` is at `mac`", as an answer or, unasked, to everyone.
std::string arp_frame(const std::string& to, const std::string& from, const std::string& address,
                      const std::string& mac, const std::string& mark);
std::string neighbour_frame(const std::string& to, const std::string& from, const std::string& source,
                            const std::string& target, const std::string& mac, const std::string& mark);
// "I am a router", from `source`.
std::string router_frame(const std::string& to, const std::string& from, const std::string& source,
                         const std::string& mark);

// One interface of a namespace.
class Wire {
 public:
  Wire(int netns, const std::string& interface);
  void send(const std::string& frame) const;
  // Marks of the frames that have come in; waits until `last` is among them, or two seconds.
  std::set<std::string> marks_until(const std::string& last) const;
  [[nodiscard]] const std::string& mac() const { return mac_; }

 private:
  UniqueFd socket_;
  std::string mac_;
};

}  // namespace shoji::test
