#pragma once
// rtnetlink(7) without a library: for the static runtime, which moves a device now and then and would pay for libnl with
// every start. One request at a time; netsetup/link is for networks.
#include <linux/netlink.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace shoji::net {

// A message in the making: a header of its type, and attributes behind it.
class RouteRequest {
 public:
  template <typename Header>
  RouteRequest(uint16_t type, uint16_t flags, const Header& header) : RouteRequest(type, flags) {
    append(&header, sizeof header);
  }
  RouteRequest& attribute(uint16_t type, const void* data, size_t size);
  RouteRequest& attribute(uint16_t type, uint32_t number) { return attribute(type, &number, sizeof number); }
  RouteRequest& attribute(uint16_t type, const std::string& text) {  // with the NUL at its end
    return attribute(type, text.c_str(), text.size() + 1);
  }

 private:
  friend class PlainRouteSocket;
  RouteRequest(uint16_t type, uint16_t flags);
  void append(const void* data, size_t size);
  std::vector<uint8_t> bytes_;
};

// What a kernel message carries behind its header; empty when it is not there.
std::string_view find_attribute(std::span<const uint8_t> attributes, uint16_t type);

class PlainRouteSocket {
 public:
  // In the caller's network namespace.
  static Result<PlainRouteSocket> open();
  // In that one; the calling thread enters it and comes back, so the program has one thread only.
  static Result<PlainRouteSocket> open_in(int netns);

  using Each = std::function<void(uint16_t type, std::span<const uint8_t> message)>;
  // Sends the request and waits for the kernel's word; Error::err is the kernel's. `each` gets the answers, from their
  // header on.
  Result<> ask(RouteRequest request, const Each& each = {});

 private:
  explicit PlainRouteSocket(UniqueFd fd) : fd_(std::move(fd)) {}
  Result<bool> take(const Each& each, bool& interrupted);
  UniqueFd fd_;
  uint32_t sequence_ = 0;
};

}  // namespace shoji::net
