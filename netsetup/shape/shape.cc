#include "netsetup/shape/shape.h"

#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "netsetup/link/requests.h"

namespace shoji::net {

namespace {

constexpr uint32_t kIngressHandle = 0xffff0000U;  // TC_H_INGRESS's major number, as tc(8) has it
constexpr uint32_t kRootHandle = 0x10000U;
constexpr uint64_t kQueueMilliseconds = 50;        // of waiting packets: longer queues only make answers late
constexpr uint32_t kRedirectHandle = 0x80000001U;  // of the one filter: first node of u32's first hash table

nl_msg* tc_message(int type, int flags, int index, uint32_t handle, uint32_t parent, uint32_t info = 0) {
  nl_msg* message = nlmsg_alloc_simple(type, flags);
  tcmsg header{};
  header.tcm_family = AF_UNSPEC;
  header.tcm_ifindex = index;
  header.tcm_handle = handle;
  header.tcm_parent = parent;
  header.tcm_info = info;
  nlmsg_append(message, &header, sizeof header, NLMSG_ALIGNTO);
  return message;
}

uint32_t clamp32(uint64_t value) {
  return static_cast<uint32_t>(std::min<uint64_t>(value, std::numeric_limits<uint32_t>::max()));
}

// tc-tbf(8). With a link layer given the kernel needs no rate table, and TCA_TBF_BURST is in bytes.
void add_tbf(Batch& batch, int index, uint64_t rate, uint64_t burst, std::string what) {
  nl_msg* message = tc_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, index, kRootHandle, TC_H_ROOT);
  nla_put_string(message, TCA_KIND, "tbf");
  nlattr* options = nla_nest_start(message, TCA_OPTIONS);
  tc_tbf_qopt settings{};
  settings.rate.linklayer = TC_LINKLAYER_ETHERNET;
  settings.rate.rate = clamp32(rate);
  settings.limit = clamp32(burst + rate * kQueueMilliseconds / 1000);
  nla_put(message, TCA_TBF_PARMS, sizeof settings, &settings);
  if (rate > std::numeric_limits<uint32_t>::max()) nla_put(message, TCA_TBF_RATE64, sizeof rate, &rate);
  nla_put_u32(message, TCA_TBF_BURST, clamp32(burst));
  nla_nest_end(message, options);
  batch.add(message, std::move(what));
}

void add_ingress(Batch& batch, int index, const std::string& name) {
  nl_msg* message = tc_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, index, kIngressHandle, TC_H_INGRESS);
  nla_put_string(message, TCA_KIND, "ingress");
  batch.add(message, cat("make an ingress queue on ", quote(name)), EEXIST);
}

// Everything that enters goes through the ifb's queue: u32 with one key that matches all (tc-u32(8)), because every kernel
// with an ingress queue has it; the action is tc-mirred(8)'s redirect. The same handle replaces the filter of before.
void add_redirect(Batch& batch, int index, int ifb, const std::string& name) {
  constexpr uint32_t kPriority = 1;
  nl_msg* message = tc_message(RTM_NEWTFILTER, NLM_F_CREATE, index, kRedirectHandle, kIngressHandle,
                               (kPriority << 16U) | htons(ETH_P_ALL));
  nla_put_string(message, TCA_KIND, "u32");
  nlattr* options = nla_nest_start(message, TCA_OPTIONS);
  alignas(tc_u32_sel) char selector[sizeof(tc_u32_sel) + sizeof(tc_u32_key)] = {};
  auto* sel = reinterpret_cast<tc_u32_sel*>(selector);
  sel->flags = TC_U32_TERMINAL;
  sel->nkeys = 1;
  nla_put(message, TCA_U32_SEL, sizeof selector, selector);
  nlattr* actions = nla_nest_start(message, TCA_U32_ACT);
  nlattr* action = nla_nest_start(message, 1);
  nla_put_string(message, TCA_ACT_KIND, "mirred");
  nlattr* action_options = nla_nest_start(message, TCA_ACT_OPTIONS);
  tc_mirred mirred{};
  mirred.action = TC_ACT_STOLEN;
  mirred.eaction = TCA_EGRESS_REDIR;
  mirred.ifindex = static_cast<uint32_t>(ifb);
  nla_put(message, TCA_MIRRED_PARMS, sizeof mirred, &mirred);
  for (nlattr* nest : {action_options, action, actions, options}) nla_nest_end(message, nest);
  batch.add(message, cat("redirect what enters ", quote(name)));
}

void remove_qdisc(Batch& batch, int index, uint32_t parent, const std::string& name) {
  nl_msg* message = tc_message(RTM_DELQDISC, 0, index, 0, parent);
  batch.add(message, cat("remove a queue of ", quote(name)), ENOENT, EINVAL);
}

void add_ifb(Batch& batch, const std::string& name, uint32_t mtu) {
  nl_msg* message = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  ifinfomsg info{};
  info.ifi_flags = info.ifi_change = IFF_UP;
  nlmsg_append(message, &info, sizeof info, NLMSG_ALIGNTO);
  nla_put_string(message, IFLA_IFNAME, name.c_str());
  if (mtu != 0) nla_put_u32(message, IFLA_MTU, mtu);
  nlattr* link = nla_nest_start(message, IFLA_LINKINFO);
  nla_put_string(message, IFLA_INFO_KIND, "ifb");
  nla_nest_end(message, link);
  batch.add(message, cat("make ifb ", quote(name)), EEXIST);
}

uint32_t packet_of(uint32_t mtu) {
  return mtu != 0 ? mtu : ETH_DATA_LEN;
}

// Ten milliseconds at the rate, so that a timer that fires late does not cost throughput; never less than two packets
// as large as segmentation offload hands them over on a slow link.
uint64_t burst_of(uint64_t burst, uint64_t rate, uint32_t mtu) {
  if (burst != 0) return burst;
  return std::max<uint64_t>(rate / 100, uint64_t{2} * (packet_of(mtu) + ETH_HLEN));
}

}  // namespace

// A rate is of the bytes that programs send, and the kernel counts frames: as much more as a full UDP packet's headers make.
// So TCP's data are 2 % below the rate and the frames 3 % above it.
uint64_t frame_rate(uint64_t rate, uint32_t mtu) {
  constexpr uint64_t kHeaders = sizeof(iphdr) + sizeof(udphdr);
  uint64_t packet = packet_of(mtu);
  if (packet <= kHeaders) return rate;
  return rate + rate * (ETH_HLEN + kHeaders) / (packet - kHeaders);
}

// The host's end is "sjXXXXXXXXXX"; its ifb ends in "i", and stays within IFNAMSIZ.
std::string rate_interface(const std::string& name) {
  return cat(name.substr(0, kInterfaceNameLimit - 1), 'i');
}

Result<> set_rates(RouteSocket& host, const std::string& name, const Rates& rates, uint32_t mtu) {
  TRY_ASSIGN(int index, host.index_of(name));
  std::string ifb = rate_interface(name);
  Batch batch;
  if (rates.in != 0) {
    add_tbf(batch, index, frame_rate(rates.in, mtu), burst_of(rates.burst_in, rates.in, mtu),
            cat("limit what leaves ", quote(name)));
  } else {
    remove_qdisc(batch, index, TC_H_ROOT, name);
  }
  if (rates.out == 0) {
    remove_qdisc(batch, index, TC_H_INGRESS, name);
    remove_link(batch, ifb);
    return batch.send(host);
  }
  // One that is there goes on with what waits in it.
  Result<int> ifb_index = host.index_of(ifb);
  if (!ifb_index) add_ifb(batch, ifb, mtu);
  TRY(batch.send(host));
  if (!ifb_index) ifb_index = host.index_of(ifb);
  if (!ifb_index) return Failure(ifb_index.error());
  add_tbf(batch, *ifb_index, frame_rate(rates.out, mtu), burst_of(rates.burst_out, rates.out, mtu),
          cat("limit what leaves ", quote(ifb)));
  add_ingress(batch, index, name);
  add_redirect(batch, index, *ifb_index, name);
  return batch.send(host);
}

Result<> remove_rates(RouteSocket& host, const std::string& name) {
  Batch batch;
  remove_link(batch, rate_interface(name));
  if (Result<int> index = host.index_of(name); index) {
    remove_qdisc(batch, *index, TC_H_ROOT, name);
    remove_qdisc(batch, *index, TC_H_INGRESS, name);
  } else if (index.error().err != ENODEV) {
    return Failure(index.error());
  }
  return batch.send(host);
}

Result<Counters> read_counters(RouteSocket& host, const std::string& name) {
  TRY_ASSIGN(rtnl_link_stats64 stats, host.statistics_of(name));
  // The host receives what the partition sends.
  return Counters{.bytes_in = stats.tx_bytes,
                  .bytes_out = stats.rx_bytes,
                  .packets_in = stats.tx_packets,
                  .packets_out = stats.rx_packets,
                  .dropped_in = stats.tx_dropped,
                  .dropped_out = stats.rx_dropped};
}

}  // namespace shoji::net
