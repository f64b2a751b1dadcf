#include "netsetup/device/move.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "base/io.h"
#include "netsetup/device/rtnetlink.h"

namespace shoji::net {

namespace {

constexpr unsigned kTemplateLimit =
    32768;  // names that a template may become, as in the kernel's __dev_alloc_name()

struct Link {
  int index = 0;
  bool up = false;
};

// None: no device has this name.
Result<std::optional<Link>> find_link(PlainRouteSocket& socket, const std::string& name) {
  std::optional<Link> out;
  RouteRequest request(RTM_GETLINK, 0, ifinfomsg{});
  request.attribute(IFLA_IFNAME, name);
  Result<> asked = socket.ask(std::move(request), [&](uint16_t type, std::span<const uint8_t> message) {
    ifinfomsg header{};
    if (type != RTM_NEWLINK || message.size() < sizeof header) return;
    memcpy(&header, message.data(), sizeof header);
    out = Link{.index = header.ifi_index, .up = (header.ifi_flags & IFF_UP) != 0};
  });
  if (!asked && asked.error().err == ENODEV) return out;
  TRY(asked);
  return out;
}

// "all permanent IP addresses (IFA_F_PERMANENT flag) of any family with global scope (RT_SCOPE_UNIVERSE value)"
Result<std::vector<DeviceAddress>> read_addresses(PlainRouteSocket& socket, int index) {
  std::vector<DeviceAddress> out;
  TRY(socket.ask(RouteRequest(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{}),
                 [&](uint16_t type, std::span<const uint8_t> message) {
                   ifaddrmsg header{};
                   if (type != RTM_NEWADDR || message.size() < sizeof header) return;
                   memcpy(&header, message.data(), sizeof header);
                   std::span<const uint8_t> attributes = message.subspan(sizeof header);
                   DeviceAddress address{.family = header.ifa_family,
                                         .length = header.ifa_prefixlen,
                                         .flags = header.ifa_flags,
                                         .local = std::string(find_attribute(attributes, IFA_LOCAL)),
                                         .address = std::string(find_attribute(attributes, IFA_ADDRESS)),
                                         .broadcast = std::string(find_attribute(attributes, IFA_BROADCAST))};
                   std::string_view flags = find_attribute(attributes, IFA_FLAGS);
                   if (flags.size() == sizeof address.flags)
                     memcpy(&address.flags, flags.data(), sizeof address.flags);
                   if (header.ifa_index == static_cast<unsigned>(index) &&
                       header.ifa_scope == RT_SCOPE_UNIVERSE && (address.flags & IFA_F_PERMANENT) != 0)
                     out.push_back(std::move(address));
                 }));
  return out;
}

// An IPv6 address has been found to be nobody else's on this very link: it is used at once.
Result<> add_address(PlainRouteSocket& socket, int index, const DeviceAddress& address) {
  ifaddrmsg header{};
  header.ifa_family = address.family;
  header.ifa_prefixlen = address.length;
  header.ifa_scope = RT_SCOPE_UNIVERSE;
  header.ifa_index = static_cast<unsigned>(index);
  RouteRequest request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, header);
  uint32_t flags = address.flags & IFA_F_NOPREFIXROUTE;
  if (address.family == AF_INET6) flags |= IFA_F_NODAD;
  request.attribute(IFA_FLAGS, flags);
  for (auto [type, value] : {std::pair<uint16_t, const std::string*>{IFA_LOCAL, &address.local},
                             {IFA_ADDRESS, &address.address},
                             {IFA_BROADCAST, &address.broadcast}})
    if (!value->empty()) request.attribute(type, value->data(), value->size());
  Result<> added = socket.ask(std::move(request));
  if (!added && added.error().err == EEXIST) return {};
  return added;
}

Result<> bring_up(PlainRouteSocket& socket, int index) {
  ifinfomsg header{};
  header.ifi_index = index;
  header.ifi_flags = header.ifi_change = IFF_UP;
  return socket.ask(RouteRequest(RTM_NEWLINK, 0, header));
}

Result<> change_namespace(PlainRouteSocket& socket, int index, const std::string& new_name, int netns) {
  ifinfomsg header{};
  header.ifi_index = index;
  RouteRequest request(RTM_NEWLINK, 0, header);
  request.attribute(IFLA_IFNAME, new_name).attribute(IFLA_NET_NS_FD, static_cast<uint32_t>(netns));
  return socket.ask(std::move(request));
}

// What a device is called there.
Result<std::string> choose_name(PlainRouteSocket& there, const DeviceMove& move) {
  const std::string& wanted = move.new_name.empty() ? move.name : move.new_name;
  size_t place = wanted.find("%d");
  for (unsigned number = 0; number < (place == std::string::npos ? 1 : kTemplateLimit); ++number) {
    std::string name = wanted;
    if (place != std::string::npos) name.replace(place, 2, std::to_string(number));
    if (name.size() >= IFNAMSIZ) break;
    TRY_ASSIGN(std::optional<Link> taken, find_link(there, name));
    if (!taken) return name;
  }
  return fail(Kind::kExists,
              cat("the container's network namespace has a device ", quote(wanted), " already"));
}

// What the kernel does not keep when a device arrives.
Result<> settle(PlainRouteSocket& there, const std::string& name, const std::vector<DeviceAddress>& addresses,
                bool up) {
  TRY_ASSIGN(std::optional<Link> link, find_link(there, name));
  if (!link) return fail(Kind::kNotFound, cat("device ", quote(name), " is not where it was moved to"));
  for (const DeviceAddress& address : addresses) TRY(add_address(there, link->index, address));
  return up ? bring_up(there, link->index) : Result<>{};
}

Result<> return_device(PlainRouteSocket& host, PlainRouteSocket& there, int host_netns,
                       const MovedDevice& device) {
  TRY_ASSIGN(std::optional<Link> link, find_link(there, device.new_name));
  if (!link) return fail(Kind::kNotFound, cat("device ", quote(device.new_name), " is not there any more"));
  TRY(change_namespace(there, link->index, device.name, host_netns));
  return settle(host, device.name, device.addresses, device.was_up);
}

// `moved` has the device as soon as it is not on the host any more.
Result<> move_device(PlainRouteSocket& host, PlainRouteSocket& there, const DeviceMove& move, int netns,
                     std::vector<MovedDevice>& moved) {
  TRY_ASSIGN(std::optional<Link> link, find_link(host, move.name));
  if (!link) return fail(Kind::kNotFound, "there is no such device");
  MovedDevice device{.name = move.name, .new_name = {}, .was_up = link->up, .addresses = {}};
  TRY_ASSIGN(device.new_name, choose_name(there, move));
  TRY_ASSIGN(device.addresses, read_addresses(host, link->index));
  Result<> changed = change_namespace(host, link->index, device.new_name, netns);
  if (!changed) {
    // Somebody else was quicker with the name: the device is there under its old one.
    TRY_ASSIGN(std::optional<Link> still, find_link(host, move.name));
    if (!still) {
      device.new_name = move.name;
      moved.push_back(std::move(device));
    }
    return changed;
  }
  moved.push_back(device);
  // "The runtime MUST set the network device state to "up" after moving it".
  return settle(there, device.new_name, device.addresses, true);
}

Result<> check_other_namespace(int netns) {
  struct stat own{}, other{};
  if (stat("/proc/thread-self/ns/net", &own) != 0 || fstat(netns, &other) != 0)
    return fail_errno(errno, "look at the container's network namespace");
  if (own.st_dev != other.st_dev || own.st_ino != other.st_ino) return {};
  return fail(Kind::kInvalid,
              "network devices cannot be moved: the container's network namespace is the host's");
}

}  // namespace

Result<std::vector<MovedDevice>> move_devices(std::span<const DeviceMove> moves, int netns) {
  std::vector<MovedDevice> moved;
  TRY(check_other_namespace(netns));
  TRY_ASSIGN(PlainRouteSocket host, PlainRouteSocket::open());
  TRY_ASSIGN(PlainRouteSocket there, PlainRouteSocket::open_in(netns));
  for (const DeviceMove& move : moves) {
    Result<> done = move_device(host, there, move, netns, moved);
    if (done) continue;
    ignore(return_devices(moved, netns), "the error that led here is the one to report");
    std::string as = move.new_name.empty() ? "" : cat(" as ", quote(move.new_name));
    return Failure(
        within(cat("move network device ", quote(move.name), " into the container", as), done.error()));
  }
  return moved;
}

Result<> return_devices(std::span<const MovedDevice> devices, int netns) {
  TRY_ASSIGN(UniqueFd home, open_file("/proc/thread-self/ns/net", O_RDONLY));
  TRY_ASSIGN(PlainRouteSocket host, PlainRouteSocket::open());
  TRY_ASSIGN(PlainRouteSocket there, PlainRouteSocket::open_in(netns));
  Result<> first;
  for (const MovedDevice& device : devices) {
    Result<> done = return_device(host, there, home.get(), device);
    if (!done && first)
      first = Failure(within(cat("take network device ", quote(device.name), " back"), done.error()));
  }
  return first;
}

}  // namespace shoji::net
