#include "netsetup/usage/readings.h"

#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace shoji::net {

namespace {

constexpr size_t kFew = 8;                // up to so many single questions cost less than a dump
constexpr size_t kDumpBuffer = 64 << 10;  // bytes; the kernel fills messages as large as it has seen us read
constexpr int kAttempts = 4;              // of a dump that interfaces came and went under
constexpr uint32_t kFirstSequence = 1U << 20U;  // far from those of netsetup/link
constexpr const char* kSubject = "read counters of interfaces";

template <typename Header>
nl_msg* question(int type, int flags, const Header& fixed) {
  nl_msg* message = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);
  Header copy = fixed;
  nlmsg_append(message, &copy, sizeof copy, NLMSG_ALIGNTO);
  return message;
}

Result<> ask(RouteSocket& host, nl_msg* message, uint32_t sequence) {
  nlmsghdr* header = nlmsg_hdr(message);
  header->nlmsg_seq = sequence;
  ssize_t sent = send(nl_socket_get_fd(host.get()), header, header->nlmsg_len, 0);
  int error = errno;
  nlmsg_free(message);
  if (sent < 0) return fail_errno(error, kSubject);
  return {};
}

struct Progress {
  bool done = false, interrupted = false;
};

// All messages of one recv(2). `take` gets those that are no status.
template <typename Take>
Result<Progress> take_answers(std::vector<char>& buffer, ssize_t size, uint32_t sequence, const Take& take) {
  Progress progress;
  int left = static_cast<int>(size);
  for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); nlmsg_ok(header, left);
       header = nlmsg_next(header, &left)) {
    if (header->nlmsg_seq != sequence) continue;  // of a dump that was given up
    if ((header->nlmsg_flags & NLM_F_DUMP_INTR) != 0) progress.interrupted = true;
    if (header->nlmsg_type == NLMSG_DONE) progress.done = true;
    if (header->nlmsg_type == NLMSG_ERROR) {
      int error = -static_cast<nlmsgerr*>(nlmsg_data(header))->error;
      // Gone, or never there; 0: the end of what a single question brings.
      if (error != 0 && error != ENODEV && error != ENOENT) return fail_errno(error, kSubject);
      progress.done = true;
    }
    if (header->nlmsg_type >= RTM_BASE) take(header);
  }
  return progress;
}

// False: interfaces came or went meanwhile, so that one may be missing.
template <typename Take>
Result<bool> take_all(RouteSocket& host, uint32_t sequence, const Take& take) {
  std::vector<char> buffer(kDumpBuffer);
  bool whole = true;
  while (true) {
    ssize_t size = recv(nl_socket_get_fd(host.get()), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail_errno(errno, kSubject);
    TRY_ASSIGN(Progress progress, take_answers(buffer, size, sequence, take));
    whole = whole && !progress.interrupted;
    if (progress.done) return whole;
  }
}

// `single(i)` makes the i-th question of `count`, `all()` the dump that answers every one.
template <typename Single, typename All, typename Take>
Result<> ask_for(RouteSocket& host, size_t count, const Single& single, const All& all, const Take& take) {
  uint32_t sequence = kFirstSequence;
  if (count <= kFew) {
    for (size_t i = 0; i < count; ++i) {
      TRY(ask(host, single(i), ++sequence));
      TRY(take_all(host, sequence, take));
    }
    return {};
  }
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    TRY(ask(host, all(), ++sequence));
    TRY_ASSIGN(bool whole, take_all(host, sequence, take));
    if (whole) break;
  }
  return {};
}

// The host receives what the partition sends.
Counters seen_from_partition(const rtnl_link_stats64& stats) {
  return {.bytes_in = stats.tx_bytes,
          .bytes_out = stats.rx_bytes,
          .packets_in = stats.tx_packets,
          .packets_out = stats.rx_packets,
          .dropped_in = stats.tx_dropped,
          .dropped_out = stats.rx_dropped};
}

void take_counters(nlmsghdr* header, std::unordered_map<int, Counters>& out) {
  nlattr* counters = nlmsg_find_attr(header, sizeof(if_stats_msg), IFLA_STATS_LINK_64);
  if (counters == nullptr) return;
  rtnl_link_stats64 stats{};
  memcpy(&stats, nla_data(counters), std::min(sizeof stats, static_cast<size_t>(nla_len(counters))));
  out[static_cast<int>(static_cast<if_stats_msg*>(nlmsg_data(header))->ifindex)] = seen_from_partition(stats);
}

// In the socket's network namespace (netdevice(7)); 0: there is none of that name.
int index_by_name(RouteSocket& host, const std::string& name) {
  ifreq request{};
  if (name.size() >= sizeof request.ifr_name) return 0;
  memcpy(request.ifr_name, name.c_str(), name.size());
  return ioctl(nl_socket_get_fd(host.get()), SIOCGIFINDEX, &request) == 0 ? request.ifr_ifindex : 0;
}

// Of a token bucket alone: others count what they drop otherwise.
void take_queue(nlmsghdr* header, std::unordered_map<int, uint64_t>& out) {
  const auto* queue = static_cast<tcmsg*>(nlmsg_data(header));
  nlattr* kind = nlmsg_find_attr(header, sizeof(tcmsg), TCA_KIND);
  nlattr* counters = nlmsg_find_attr(header, sizeof(tcmsg), TCA_STATS2);
  if (kind == nullptr || counters == nullptr || std::string_view(nla_get_string(kind)) != "tbf") return;
  nlattr* found = nla_find(static_cast<nlattr*>(nla_data(counters)), nla_len(counters), TCA_STATS_QUEUE);
  if (found == nullptr) return;
  gnet_stats_queue stats{};
  memcpy(&stats, nla_data(found), std::min(sizeof stats, static_cast<size_t>(nla_len(found))));
  out[queue->tcm_ifindex] = stats.drops;
}

}  // namespace

Result<std::unordered_map<std::string, Reading>> read_interfaces(RouteSocket& host,
                                                                 const std::vector<std::string>& names) {
  std::unordered_map<std::string, Reading> out;
  std::vector<int> indexes;
  for (const std::string& name : names)
    if (int index = index_by_name(host, name); index != 0) {
      indexes.push_back(index);
      out[name].index = index;
    }
  // RTM_GETSTATS brings counters alone: all that RTM_GETLINK tells takes twice as long and more.
  if_stats_msg fixed{};
  fixed.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
  auto single = [&](size_t i) {
    if_stats_msg one = fixed;
    one.ifindex = static_cast<uint32_t>(indexes[i]);
    return question(RTM_GETSTATS, NLM_F_ACK, one);
  };
  auto all = [&] { return question(RTM_GETSTATS, NLM_F_DUMP, fixed); };
  std::unordered_map<int, Counters> counters;
  TRY(ask_for(host, indexes.size(), single, all, [&](nlmsghdr* header) { take_counters(header, counters); }));
  std::erase_if(out, [&](const auto& each) { return !counters.contains(each.second.index); });
  for (auto& [name, reading] : out) reading.counters = counters[reading.index];
  return out;
}

Result<std::unordered_map<int, uint64_t>> read_queue_drops(RouteSocket& host,
                                                           const std::vector<int>& indexes) {
  std::unordered_map<int, uint64_t> out;
  auto single = [&](size_t i) {
    tcmsg fixed{};
    fixed.tcm_ifindex = indexes[i];
    fixed.tcm_parent = TC_H_ROOT;
    // The kernel answers by a notification, of which a copy comes to who asks for it (rtnetlink_send()).
    return question(RTM_GETQDISC, NLM_F_ACK | NLM_F_ECHO, fixed);
  };
  auto all = [] { return question(RTM_GETQDISC, NLM_F_DUMP, tcmsg{}); };
  TRY(ask_for(host, indexes.size(), single, all, [&](nlmsghdr* header) { take_queue(header, out); }));
  return out;
}

}  // namespace shoji::net
