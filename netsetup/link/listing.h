#pragma once
// What there is on the socket's network namespace: interfaces, addresses, routes and queues, each one dump.
#include <string>
#include <vector>

#include "netsetup/link/requests.h"

namespace shoji::net {

struct LinkFacts {
  int index = 0;
  std::string name, kind;  // "veth", "bridge", "macvlan", "ifb"; empty: hardware
  bool up = false;
  int master = 0;
  uint32_t mtu = 0;
  Mac mac;
};
Result<std::vector<LinkFacts>> list_links(RouteSocket& socket);

struct AddressFacts {
  int index = 0;
  Prefix address;
};
Result<std::vector<AddressFacts>> list_addresses(RouteSocket& socket);

// Of the main table; what the kernel adds by itself for addresses is not among them.
struct RouteFacts {
  int index = 0;
  Route route;
};
Result<std::vector<RouteFacts>> list_routes(RouteSocket& socket);

struct QueueFacts {
  int index = 0;
  std::string kind;   // "tbf", "ingress", ...
  bool root = false;  // else below something
  uint64_t rate = 0;  // tbf: bytes per second
};
Result<std::vector<QueueFacts>> list_queues(RouteSocket& socket);

}  // namespace shoji::net
