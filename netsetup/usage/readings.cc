#include "netsetup/usage/readings.h"

#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
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

void take_link(nlmsghdr* header, std::unordered_map<std::string, Reading>& out) {
  nlattr* name = nlmsg_find_attr(header, sizeof(ifinfomsg), IFLA_IFNAME);
  nlattr* counters = nlmsg_find_attr(header, sizeof(ifinfomsg), IFLA_STATS64);
  if (name == nullptr || counters == nullptr) return;
  rtnl_link_stats64 stats{};
  memcpy(&stats, nla_data(counters), std::min(sizeof stats, static_cast<size_t>(nla_len(counters))));
  out[nla_get_string(name)] = {.index = static_cast<ifinfomsg*>(nlmsg_data(header))->ifi_index,
                               .counters = seen_from_partition(stats)};
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
  auto single = [&](size_t i) {
    nl_msg* message = question(RTM_GETLINK, NLM_F_ACK, ifinfomsg{});
    nla_put_string(message, IFLA_IFNAME, names[i].c_str());
    return message;
  };
  auto all = [] { return question(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{}); };
  TRY(ask_for(host, names.size(), single, all, [&](nlmsghdr* header) { take_link(header, out); }));
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
