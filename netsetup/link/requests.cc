#include "netsetup/link/requests.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>

namespace shoji::net {

namespace {

// An out of memory of a few hundred bytes is not survived anywhere else either: libnl's allocations are not checked.
nl_msg* link_message(int flags, int index, unsigned interface_flags) {
  nl_msg* message = nlmsg_alloc_simple(RTM_NEWLINK, flags);
  ifinfomsg info{};
  info.ifi_index = index;
  info.ifi_flags = interface_flags;
  info.ifi_change = interface_flags;
  nlmsg_append(message, &info, sizeof info, NLMSG_ALIGNTO);
  return message;
}

void put_name(nl_msg* message, const std::string& name) {
  if (!name.empty()) nla_put_string(message, IFLA_IFNAME, name.c_str());
}
void put_mac(nl_msg* message, const std::optional<Mac>& mac) {
  if (mac) nla_put(message, IFLA_ADDRESS, 6, mac->bytes.data());
}
void put_number(nl_msg* message, int attribute, uint32_t value) {
  if (value != 0) nla_put_u32(message, attribute, value);
}
void put_netns(nl_msg* message, int netns) {
  if (netns >= 0) nla_put_u32(message, IFLA_NET_NS_FD, static_cast<uint32_t>(netns));
}
void put_address(nl_msg* message, int attribute, const Address& address) {
  nla_put(message, attribute, static_cast<int>(address.size()), address.bytes());
}

uint8_t family_number(const Address& address) {
  return address.family() == Family::kIpv4 ? AF_INET : AF_INET6;
}

constexpr int kMake = NLM_F_CREATE | NLM_F_EXCL;

nl_msg* address_message(int type, int flags, int index, const Prefix& address) {
  nl_msg* message = nlmsg_alloc_simple(type, flags);
  ifaddrmsg info{};
  info.ifa_family = family_number(address.address);
  info.ifa_prefixlen = address.length;
  info.ifa_index = static_cast<uint32_t>(index);
  if (address.address.family() == Family::kIpv6) info.ifa_flags = IFA_F_NODAD;
  nlmsg_append(message, &info, sizeof info, NLMSG_ALIGNTO);
  put_address(message, IFA_LOCAL, address.address);
  put_address(message, IFA_ADDRESS, address.address);
  if (address.address.family() == Family::kIpv4 && address.length < 31)
    put_address(message, IFA_BROADCAST, address.last());
  return message;
}

nl_msg* route_message(int type, int flags, int index, const Route& route) {
  nl_msg* message = nlmsg_alloc_simple(type, flags);
  rtmsg info{};
  info.rtm_family = family_number(route.destination.address);
  info.rtm_dst_len = route.destination.length;
  info.rtm_table = RT_TABLE_MAIN;
  info.rtm_protocol = RTPROT_STATIC;
  info.rtm_scope = route.gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  info.rtm_type = RTN_UNICAST;
  if (route.on_link) info.rtm_flags = RTNH_F_ONLINK;
  nlmsg_append(message, &info, sizeof info, NLMSG_ALIGNTO);
  if (route.destination.length > 0) put_address(message, RTA_DST, route.destination.first());
  if (route.gateway) put_address(message, RTA_GATEWAY, *route.gateway);
  nla_put_u32(message, RTA_OIF, static_cast<uint32_t>(index));
  put_number(message, RTA_PRIORITY, route.metric);
  return message;
}

}  // namespace

Result<> check_interface_name(std::string_view name) {
  auto invalid = [&](std::string_view why) {
    return fail(Kind::kInvalid, cat("interface name ", quote(name), " ", why));
  };
  if (name.empty() || name.size() > kInterfaceNameLimit) return invalid("is not 1 to 15 characters long");
  if (name == "." || name == "..") return invalid("is a directory");
  for (char c : name)
    if (c <= ' ' || c == 0x7f || c == '/' || c == ':' || c == '%')
      return invalid("has a character that the kernel refuses");
  return {};
}

void add_veth(Batch& batch, const VethEnd& near, const VethEnd& far, const VethOptions& options) {
  nl_msg* message = link_message(kMake, near.index, IFF_UP);
  put_name(message, near.name);
  put_mac(message, near.mac);
  put_number(message, IFLA_MTU, options.mtu);
  put_number(message, IFLA_MASTER, static_cast<uint32_t>(options.master));
  put_netns(message, near.netns);
  nlattr* info = nla_nest_start(message, IFLA_LINKINFO);
  nla_put_string(message, IFLA_INFO_KIND, "veth");
  nlattr* data = nla_nest_start(message, IFLA_INFO_DATA);
  nlattr* peer = nla_nest_start(message, VETH_INFO_PEER);
  ifinfomsg peer_info{};
  peer_info.ifi_index = far.index;
  nlmsg_append(message, &peer_info, sizeof peer_info, NLMSG_ALIGNTO);
  put_name(message, far.name);
  put_mac(message, far.mac);
  put_number(message, IFLA_MTU, options.mtu);
  put_netns(message, far.netns);
  nla_nest_end(message, peer);
  nla_nest_end(message, data);
  nla_nest_end(message, info);
  batch.add(message, cat("make veth ", quote(near.name), " with ", quote(far.name)));
}

void add_bridge(Batch& batch, const std::string& name, const BridgeOptions& options) {
  nl_msg* message = link_message(kMake, 0, options.up ? IFF_UP : 0);
  put_name(message, name);
  put_mac(message, options.mac);
  put_number(message, IFLA_MTU, options.mtu);
  nlattr* info = nla_nest_start(message, IFLA_LINKINFO);
  nla_put_string(message, IFLA_INFO_KIND, "bridge");
  nla_nest_end(message, info);
  batch.add(message, cat("make bridge ", quote(name)));
}

void set_hairpin(Batch& batch, const std::string& port) {
  nl_msg* message = link_message(0, 0, 0);
  put_name(message, port);
  nlattr* info = nla_nest_start(message, IFLA_LINKINFO);
  nla_put_string(message, IFLA_INFO_SLAVE_KIND, "bridge");
  nlattr* data = nla_nest_start(message, IFLA_INFO_SLAVE_DATA);
  nla_put_u8(message, IFLA_BRPORT_MODE, 1);
  nla_nest_end(message, data);
  nla_nest_end(message, info);
  batch.add(message, cat("turn hairpin on for ", quote(port)));
}

namespace {

void put_no_link_local(nl_msg* message) {
  nlattr* families = nla_nest_start(message, IFLA_AF_SPEC);
  nlattr* ipv6 = nla_nest_start(message, AF_INET6);
  nla_put_u8(message, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  nla_nest_end(message, ipv6);
  nla_nest_end(message, families);
}

}  // namespace

// A kernel without IPv6 does not know the family.
void stop_link_local(Batch& batch, int index) {
  nl_msg* message = link_message(0, index, 0);
  put_no_link_local(message);
  batch.add(message, cat("stop IPv6's own address of interface ", index), EAFNOSUPPORT, EOPNOTSUPP);
}

Prefix link_local_address(const Mac& mac) {
  const uint8_t* m = mac.bytes.data();
  const uint8_t bytes[16] = {0xfe, 0x80, 0,    0,    0,    0,    0,   0, static_cast<uint8_t>(m[0] ^ 2U),
                             m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
  return {Address::from_bytes(Family::kIpv6, bytes), 64};
}

void add_macvlan(Batch& batch, const std::string& name, const MacvlanOptions& options) {
  nl_msg* message = link_message(kMake, options.index, 0);
  put_name(message, name);
  put_mac(message, options.mac);
  put_number(message, IFLA_MTU, options.mtu);
  put_number(message, IFLA_LINK, static_cast<uint32_t>(options.parent));
  put_netns(message, options.netns);
  nlattr* info = nla_nest_start(message, IFLA_LINKINFO);
  nla_put_string(message, IFLA_INFO_KIND, "macvlan");
  nlattr* data = nla_nest_start(message, IFLA_INFO_DATA);
  nla_put_u32(message, IFLA_MACVLAN_MODE, static_cast<uint32_t>(options.mode));
  nla_nest_end(message, data);
  nla_nest_end(message, info);
  batch.add(message, cat("make macvlan ", quote(name)));
}

void change_link(Batch& batch, int index, const LinkChange& change, std::string what) {
  nl_msg* message = nlmsg_alloc_simple(RTM_SETLINK, 0);
  ifinfomsg info{};
  info.ifi_index = index;
  if (change.up) {
    info.ifi_change = IFF_UP;
    info.ifi_flags = *change.up ? IFF_UP : 0;
  }
  nlmsg_append(message, &info, sizeof info, NLMSG_ALIGNTO);
  put_name(message, change.name);
  put_mac(message, change.mac);
  if (change.mtu) nla_put_u32(message, IFLA_MTU, *change.mtu);
  if (change.master) nla_put_u32(message, IFLA_MASTER, static_cast<uint32_t>(*change.master));
  put_netns(message, change.netns);
  batch.add(message, std::move(what));
}

void remove_link(Batch& batch, const std::string& name) {
  nl_msg* message = nlmsg_alloc_simple(RTM_DELLINK, 0);
  ifinfomsg info{};
  nlmsg_append(message, &info, sizeof info, NLMSG_ALIGNTO);
  put_name(message, name);
  batch.add(message, cat("remove interface ", quote(name)), ENODEV);
}

Result<> remove_links(RouteSocket& host, std::span<const std::string> names) {
  Batch batch;
  if (names.size() == 1) remove_link(batch, names[0]);
  if (names.size() > 1) {
    // Nobody else uses the number: a group is only what was marked with it.
    uint32_t group = 0;
    if (getrandom(&group, sizeof group, 0) != sizeof group) return fail_errno(errno, "getrandom");
    group |= 1U << 31U;
    for (const std::string& name : names) {
      // Not RTM_NEWLINK: for a name that is not there it takes the group for the selector.
      nl_msg* message = nlmsg_alloc_simple(RTM_SETLINK, 0);
      ifinfomsg info{};
      nlmsg_append(message, &info, sizeof info, NLMSG_ALIGNTO);
      put_name(message, name);
      nla_put_u32(message, IFLA_GROUP, group);
      batch.add(message, cat("mark interface ", quote(name)), ENODEV);
    }
    nl_msg* message = nlmsg_alloc_simple(RTM_DELLINK, 0);
    ifinfomsg info{};
    nlmsg_append(message, &info, sizeof info, NLMSG_ALIGNTO);
    nla_put_u32(message, IFLA_GROUP, group);
    batch.add(message, cat("remove ", names.size(), " interfaces"), ENODEV);
  }
  return batch.empty() ? Result<>{} : batch.send(host);
}

void add_address(Batch& batch, int index, const Prefix& address) {
  batch.add(address_message(RTM_NEWADDR, kMake, index, address), cat("add address ", address.text()));
}
void ensure_address(Batch& batch, int index, const Prefix& address) {
  batch.add(address_message(RTM_NEWADDR, kMake, index, address), cat("add address ", address.text()), EEXIST);
}
void remove_address(Batch& batch, int index, const Prefix& address) {
  batch.add(address_message(RTM_DELADDR, 0, index, address), cat("remove address ", address.text()),
            EADDRNOTAVAIL);
}

void add_route(Batch& batch, int index, const Route& route) {
  int how = route.replace ? NLM_F_CREATE | NLM_F_REPLACE : kMake;
  batch.add(route_message(RTM_NEWROUTE, how, index, route), cat("add route ", route.destination.text()));
}
void remove_route(Batch& batch, int index, const Route& route) {
  batch.add(route_message(RTM_DELROUTE, 0, index, route), cat("remove route ", route.destination.text()),
            ESRCH);
}

void add_bridge_address(Batch& batch, int port, const Mac& mac) {
  nl_msg* message = nlmsg_alloc_simple(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
  ndmsg info{};
  info.ndm_family = PF_BRIDGE;
  info.ndm_ifindex = port;
  info.ndm_flags = NTF_MASTER;
  info.ndm_state = NUD_NOARP;  // "static" of bridge(8)
  nlmsg_append(message, &info, sizeof info, NLMSG_ALIGNTO);
  nla_put(message, NDA_LLADDR, 6, mac.bytes.data());
  batch.add(message, cat("tell the bridge of ", mac.text()));
}

void add_proxy_neighbour(Batch& batch, int index, const Address& address) {
  nl_msg* message = nlmsg_alloc_simple(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
  ndmsg info{};
  info.ndm_family = family_number(address);
  info.ndm_ifindex = index;
  info.ndm_flags = NTF_PROXY;
  info.ndm_state = NUD_PERMANENT;
  nlmsg_append(message, &info, sizeof info, NLMSG_ALIGNTO);
  put_address(message, NDA_DST, address);
  batch.add(message, cat("answer for ", address.text()));
}

}  // namespace shoji::net
