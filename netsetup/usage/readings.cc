#include "netsetup/usage/readings.h"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace shoji::net {

namespace {

constexpr size_t kFewNames = 8;           // up to so many single questions cost less than a dump
constexpr size_t kDumpBuffer = 64 << 10;  // bytes; the kernel fills messages as large as it has seen us read
constexpr int kAttempts = 4;              // of a dump that interfaces came and went under

nl_msg* question(int flags) {
  nl_msg* message = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_REQUEST | flags);
  ifinfomsg info{};
  nlmsg_append(message, &info, sizeof info, NLMSG_ALIGNTO);
  return message;
}

Result<> ask(RouteSocket& host, nl_msg* message, uint32_t sequence) {
  nlmsghdr* header = nlmsg_hdr(message);
  header->nlmsg_seq = sequence;
  ssize_t sent = send(nl_socket_get_fd(host.get()), header, header->nlmsg_len, 0);
  int error = errno;
  nlmsg_free(message);
  if (sent < 0) return fail_errno(error, "ask for counters of interfaces");
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

struct Progress {
  bool done = false, interrupted = false;
};

// All messages of one recv(2).
Result<Progress> take_answers(std::vector<char>& buffer, ssize_t size, uint32_t sequence,
                              std::unordered_map<std::string, Reading>& out) {
  Progress progress;
  int left = static_cast<int>(size);
  for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); nlmsg_ok(header, left);
       header = nlmsg_next(header, &left)) {
    if (header->nlmsg_seq != sequence) continue;  // of a dump that was given up
    if ((header->nlmsg_flags & NLM_F_DUMP_INTR) != 0) progress.interrupted = true;
    if (header->nlmsg_type == NLMSG_DONE) progress.done = true;
    if (header->nlmsg_type == NLMSG_ERROR) {
      int error = -static_cast<nlmsgerr*>(nlmsg_data(header))->error;
      if (error != ENODEV) return fail_errno(error, "read counters of interfaces");
      progress.done = true;
    }
    if (header->nlmsg_type != RTM_NEWLINK) continue;
    take_link(header, out);
    if ((header->nlmsg_flags & NLM_F_MULTI) == 0) progress.done = true;
  }
  return progress;
}

// False: interfaces came or went meanwhile, so that one may be missing.
Result<bool> take_all(RouteSocket& host, uint32_t sequence, std::unordered_map<std::string, Reading>& out) {
  std::vector<char> buffer(kDumpBuffer);
  bool whole = true;
  while (true) {
    ssize_t size = recv(nl_socket_get_fd(host.get()), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail_errno(errno, "read counters of interfaces");
    TRY_ASSIGN(Progress progress, take_answers(buffer, size, sequence, out));
    whole = whole && !progress.interrupted;
    if (progress.done) return whole;
  }
}

nl_msg* question_for_veths() {
  nl_msg* message = question(NLM_F_DUMP);
  nlattr* link = nla_nest_start(message, IFLA_LINKINFO);
  nla_put_string(message, IFLA_INFO_KIND, "veth");
  nla_nest_end(message, link);
  return message;
}

}  // namespace

Result<std::unordered_map<std::string, Reading>> read_interfaces(RouteSocket& host,
                                                                 const std::vector<std::string>& names) {
  std::unordered_map<std::string, Reading> out;
  uint32_t sequence = 1;
  if (names.size() <= kFewNames) {
    for (const std::string& name : names) {
      nl_msg* message = question(0);
      nla_put_string(message, IFLA_IFNAME, name.c_str());
      TRY(ask(host, message, ++sequence));
      TRY(take_all(host, sequence, out));
    }
    return out;
  }
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    TRY(ask(host, question_for_veths(), ++sequence));
    TRY_ASSIGN(bool whole, take_all(host, sequence, out));
    if (whole) break;
  }
  return out;
}

}  // namespace shoji::net
