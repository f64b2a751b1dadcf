#include "netsetup/link/listing.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace shoji::net {

namespace {

constexpr size_t kDumpBuffer = 64 << 10;  // bytes; the kernel fills messages as large as it has seen us read
constexpr int kAttempts = 4;              // of a dump that was changed under

// Every dump has its own number, so that answers to one that was given up are passed over.
uint32_t next_sequence() {
  static uint32_t sequence = 1U << 20U;
  return ++sequence;
}

template <typename Header>
Result<uint32_t> ask(RouteSocket& socket, int type, const Header& what) {
  nl_msg* message = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_DUMP);
  Header copy = what;
  nlmsg_append(message, &copy, sizeof copy, NLMSG_ALIGNTO);
  nlmsghdr* header = nlmsg_hdr(message);
  header->nlmsg_seq = next_sequence();
  uint32_t sequence = header->nlmsg_seq;
  ssize_t sent = send(nl_socket_get_fd(socket.get()), header, header->nlmsg_len, 0);
  int error = errno;
  nlmsg_free(message);
  if (sent < 0) return fail_errno(error, "ask for a list of the network configuration");
  return sequence;
}

// Gives every answer to `take`; false when the list changed meanwhile (NLM_F_DUMP_INTR).
template <typename Take>
Result<bool> answers(RouteSocket& socket, uint32_t sequence, int answer, Take take) {
  std::vector<char> buffer(kDumpBuffer);
  bool whole = true;
  for (;;) {
    ssize_t size = recv(nl_socket_get_fd(socket.get()), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail_errno(errno, "read a list of the network configuration");
    int left = static_cast<int>(size);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); nlmsg_ok(header, left);
         header = nlmsg_next(header, &left)) {
      if (header->nlmsg_seq != sequence) continue;
      if ((header->nlmsg_flags & NLM_F_DUMP_INTR) != 0) whole = false;
      if (header->nlmsg_type == NLMSG_DONE) return whole;
      if (header->nlmsg_type == NLMSG_ERROR)
        return fail_errno(-static_cast<nlmsgerr*>(nlmsg_data(header))->error,
                          "list the network configuration");
      if (header->nlmsg_type == answer) take(header);
    }
  }
}

template <typename Facts, typename Header, typename Read>
Result<std::vector<Facts>> dump(RouteSocket& socket, int question, int answer, const Header& what,
                                Read read) {
  std::vector<Facts> out;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    out.clear();
    TRY_ASSIGN(uint32_t sequence, ask(socket, question, what));
    TRY_ASSIGN(bool whole, answers(socket, sequence, answer, [&](nlmsghdr* header) { read(header, out); }));
    if (whole) break;
  }
  return out;
}

nlattr* find(nlmsghdr* header, size_t header_size, int attribute) {
  return nlmsg_find_attr(header, static_cast<int>(header_size), attribute);
}
uint32_t number(nlmsghdr* header, size_t header_size, int attribute) {
  nlattr* found = find(header, header_size, attribute);
  return found != nullptr ? nla_get_u32(found) : 0;
}

Family family_of(int number) {
  return number == AF_INET ? Family::kIpv4 : Family::kIpv6;
}
Address address_in(nlattr* attribute, Family family) {
  return Address::from_bytes(family, static_cast<const uint8_t*>(nla_data(attribute)));
}
Address nowhere(Family family) {
  const uint8_t zero[16] = {};
  return Address::from_bytes(family, zero);
}

void read_link(nlmsghdr* header, std::vector<LinkFacts>& out) {
  constexpr size_t kSize = sizeof(ifinfomsg);
  auto* info = static_cast<ifinfomsg*>(nlmsg_data(header));
  LinkFacts facts{.index = info->ifi_index,
                  .name = {},
                  .kind = {},
                  .up = (info->ifi_flags & IFF_UP) != 0,
                  .master = static_cast<int>(number(header, kSize, IFLA_MASTER)),
                  .mtu = number(header, kSize, IFLA_MTU),
                  .mac = {}};
  if (nlattr* name = find(header, kSize, IFLA_IFNAME)) facts.name = nla_get_string(name);
  if (nlattr* mac = find(header, kSize, IFLA_ADDRESS); mac != nullptr && nla_len(mac) == 6)
    memcpy(facts.mac.bytes.data(), nla_data(mac), 6);
  if (nlattr* link = find(header, kSize, IFLA_LINKINFO))
    if (nlattr* kind = nla_find(static_cast<nlattr*>(nla_data(link)), nla_len(link), IFLA_INFO_KIND))
      facts.kind = nla_get_string(kind);
  out.push_back(std::move(facts));
}

void read_address(nlmsghdr* header, std::vector<AddressFacts>& out) {
  auto* info = static_cast<ifaddrmsg*>(nlmsg_data(header));
  if (info->ifa_family != AF_INET && info->ifa_family != AF_INET6) return;
  nlattr* found = find(header, sizeof *info, IFA_LOCAL);
  if (found == nullptr) found = find(header, sizeof *info, IFA_ADDRESS);
  if (found == nullptr) return;
  out.push_back({.index = static_cast<int>(info->ifa_index),
                 .address = {address_in(found, family_of(info->ifa_family)), info->ifa_prefixlen}});
}

void read_route(nlmsghdr* header, std::vector<RouteFacts>& out) {
  auto* info = static_cast<rtmsg*>(nlmsg_data(header));
  bool ours = info->rtm_table == RT_TABLE_MAIN && info->rtm_protocol == RTPROT_STATIC &&
              info->rtm_type == RTN_UNICAST && (info->rtm_flags & RTM_F_CLONED) == 0;
  if (!ours || (info->rtm_family != AF_INET && info->rtm_family != AF_INET6)) return;
  Family family = family_of(info->rtm_family);
  RouteFacts facts{.index = static_cast<int>(number(header, sizeof *info, RTA_OIF)),
                   .route = {.destination = {nowhere(family), info->rtm_dst_len}, .gateway = {}}};
  if (nlattr* to = find(header, sizeof *info, RTA_DST))
    facts.route.destination.address = address_in(to, family);
  if (nlattr* by = find(header, sizeof *info, RTA_GATEWAY)) facts.route.gateway = address_in(by, family);
  facts.route.metric = number(header, sizeof *info, RTA_PRIORITY);
  out.push_back(std::move(facts));
}

void read_queue(nlmsghdr* header, std::vector<QueueFacts>& out) {
  auto* info = static_cast<tcmsg*>(nlmsg_data(header));
  QueueFacts facts{.index = info->tcm_ifindex, .kind = {}, .root = info->tcm_parent == TC_H_ROOT};
  if (nlattr* kind = find(header, sizeof *info, TCA_KIND)) facts.kind = nla_get_string(kind);
  nlattr* options = find(header, sizeof *info, TCA_OPTIONS);
  if (facts.kind == "tbf" && options != nullptr) {
    auto* first = static_cast<nlattr*>(nla_data(options));
    nlattr* settings = nla_find(first, nla_len(options), TCA_TBF_PARMS);
    nlattr* wide = nla_find(first, nla_len(options), TCA_TBF_RATE64);
    if (settings != nullptr) facts.rate = static_cast<tc_tbf_qopt*>(nla_data(settings))->rate.rate;
    if (wide != nullptr) facts.rate = nla_get_u64(wide);
  }
  out.push_back(std::move(facts));
}

}  // namespace

Result<std::vector<LinkFacts>> list_links(RouteSocket& socket) {
  return dump<LinkFacts>(socket, RTM_GETLINK, RTM_NEWLINK, ifinfomsg{}, read_link);
}
Result<std::vector<AddressFacts>> list_addresses(RouteSocket& socket) {
  return dump<AddressFacts>(socket, RTM_GETADDR, RTM_NEWADDR, ifaddrmsg{}, read_address);
}
Result<std::vector<RouteFacts>> list_routes(RouteSocket& socket) {
  return dump<RouteFacts>(socket, RTM_GETROUTE, RTM_NEWROUTE, rtmsg{}, read_route);
}
Result<std::vector<QueueFacts>> list_queues(RouteSocket& socket) {
  return dump<QueueFacts>(socket, RTM_GETQDISC, RTM_NEWQDISC, tcmsg{}, read_queue);
}

}  // namespace shoji::net
