#include "netsetup/conntrack/conntrack.h"

#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/io.h"
#include "netsetup/nfnetlink/socket.h"

namespace shoji::net {

namespace {

constexpr uint16_t kGet = NFNL_SUBSYS_CTNETLINK << 8U | IPCTNL_MSG_CT_GET;
constexpr uint16_t kDelete = NFNL_SUBSYS_CTNETLINK << 8U | IPCTNL_MSG_CT_DELETE;
// As the kernel's nf_conntrack_netlink.c has them for CTA_FILTER; its headers for programs lack the bit.
constexpr uint32_t kFilterSource = 1;
// Every listing walks the whole table, which takes milliseconds (262,144 buckets). So an empty one is not walked, and
// filtered listings, one for each address and direction, pay only where many entries would be told for nothing.
constexpr uint64_t kManyEntries = 20000;
constexpr size_t kFilteredAddresses = 4;

// Of this network namespace. A kernel without the file tracks nothing, or is asked.
uint64_t entries_now() {
  Result<std::string> text = read_file("/proc/sys/net/netfilter/nf_conntrack_count", 64);
  uint64_t count = kManyEntries;
  if (text) std::from_chars(text->data(), text->data() + text->size(), count);
  return count;
}

uint8_t family_number(Family family) {
  return family == Family::kIpv4 ? AF_INET : AF_INET6;
}

Address source(const Attributes& tuple) {
  Attributes ip = tuple.nested(CTA_TUPLE_IP);
  Bytes bytes = ip.find(CTA_IP_V6_SRC);
  if (bytes.size() == 16) return Address::from_bytes(Family::kIpv6, bytes.data());
  bytes = ip.find(CTA_IP_V4_SRC);
  return bytes.size() == 4 ? Address::from_bytes(Family::kIpv4, bytes.data()) : Address();
}

// Every entry, or those whose tuple (CTA_TUPLE_ORIG, CTA_TUPLE_REPLY) has `filter` as its source.
Result<> dump(NetfilterSocket& socket, const Address* filter, uint16_t tuple,
              const std::function<void(const Attributes&)>& visit) {
  MessageWriter request;
  request.begin(kGet, NLM_F_DUMP, filter != nullptr ? family_number(filter->family()) : AF_UNSPEC);
  if (filter != nullptr) {
    size_t opened = request.open(tuple);
    size_t ip = request.open(CTA_TUPLE_IP);
    request.put(filter->family() == Family::kIpv4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC,
                {filter->bytes(), filter->size()});
    request.close(ip);
    request.close(opened);
    opened = request.open(CTA_FILTER);
    uint32_t flags[2] = {tuple == CTA_TUPLE_ORIG ? kFilterSource : 0,
                         tuple == CTA_TUPLE_REPLY ? kFilterSource : 0};
    request.put(CTA_FILTER_ORIG_FLAGS, {reinterpret_cast<const uint8_t*>(flags), sizeof flags[0]});
    request.put(CTA_FILTER_REPLY_FLAGS, {reinterpret_cast<const uint8_t*>(flags + 1), sizeof flags[1]});
    request.close(opened);
  }
  Result<> out;
  TRY(socket.talk(
      request,
      [&](const nlmsghdr* header) {
        if (header->nlmsg_type >> 8U == NFNL_SUBSYS_CTNETLINK) visit(Attributes::of_message(header));
      },
      [&](uint32_t, int error, const std::string&) { out = fail_errno(error, "list the connections"); }));
  return out;
}

// A kernel without connection tracking, or one that has not loaded it yet, has no connections.
bool tracks_nothing(const Error& error) {
  return error.err == EOPNOTSUPP || error.err == EINVAL || error.err == EPROTONOSUPPORT;
}

bool is_open(const Attributes& entry, Protocol protocol) {
  if (protocol == Protocol::kUdp) return true;
  Bytes state = entry.nested(CTA_PROTOINFO).nested(CTA_PROTOINFO_TCP).find(CTA_PROTOINFO_TCP_STATE);
  return state.size() == 1 && state[0] != TCP_CONNTRACK_NONE && state[0] <= TCP_CONNTRACK_LAST_ACK;
}

void write_delete(MessageWriter& requests, const Attributes& entry) {
  // With the id nobody else's entry goes that has taken the same tuple in between.
  Bytes tuple = entry.find(CTA_TUPLE_ORIG);
  bool ipv6 = !Attributes(tuple).nested(CTA_TUPLE_IP).find(CTA_IP_V6_SRC).empty();
  requests.begin(kDelete, NLM_F_ACK, ipv6 ? AF_INET6 : AF_INET);
  requests.put(CTA_TUPLE_ORIG | NLA_F_NESTED, tuple);
  for (uint16_t attribute : {CTA_ID, CTA_ZONE})
    if (Bytes value = entry.find(attribute); !value.empty()) requests.put(attribute, value);
}

Result<> find_entries(NetfilterSocket& socket, std::span<const Address> addresses,
                      const std::function<void(const Attributes&)>& found) {
  if (addresses.size() <= kFilteredAddresses && entries_now() >= kManyEntries) {
    // Who comes from the address is in the tuple of the first packet, whom it answered in that of the reply.
    for (const Address& address : addresses)
      for (uint16_t tuple : {CTA_TUPLE_ORIG, CTA_TUPLE_REPLY}) TRY(dump(socket, &address, tuple, found));
    return {};
  }
  std::vector<Address> sorted(addresses.begin(), addresses.end());
  std::ranges::sort(sorted);
  return dump(socket, nullptr, 0, [&](const Attributes& entry) {
    if (std::ranges::binary_search(sorted, source(entry.nested(CTA_TUPLE_ORIG))) ||
        std::ranges::binary_search(sorted, source(entry.nested(CTA_TUPLE_REPLY))))
      found(entry);
  });
}

}  // namespace

Result<std::vector<size_t>> count_connections(std::span<const ConnectionTarget> targets) {
  std::vector<size_t> out(targets.size());
  if (targets.empty() || entries_now() == 0) return out;
  TRY_ASSIGN(NetfilterSocket socket, NetfilterSocket::open());
  bool one_address = std::ranges::all_of(
      targets, [&](const ConnectionTarget& target) { return target.address == targets[0].address; });
  // What leads to the target comes back from it.
  Result<> listed = dump(socket, one_address ? &targets[0].address : nullptr, CTA_TUPLE_REPLY,
                         [&](const Attributes& entry) {
                           Attributes reply = entry.nested(CTA_TUPLE_REPLY);
                           Attributes ports = reply.nested(CTA_TUPLE_PROTO);
                           Bytes number = ports.find(CTA_PROTO_NUM);
                           if (number.size() != 1) return;
                           Address from = source(reply);
                           for (size_t i = 0; i < targets.size(); ++i) {
                             const ConnectionTarget& target = targets[i];
                             int wanted = target.protocol == Protocol::kTcp ? IPPROTO_TCP : IPPROTO_UDP;
                             if (number[0] != wanted || from != target.address) continue;
                             if (target.port != 0 && ports.be16(CTA_PROTO_SRC_PORT) != target.port) continue;
                             if (is_open(entry, target.protocol)) ++out[i];
                           }
                         });
  if (!listed && !tracks_nothing(listed.error())) return Failure(listed.error());
  return out;
}

Result<> forget_connections(std::span<const Address> addresses) {
  if (addresses.empty() || entries_now() == 0) return {};
  TRY_ASSIGN(NetfilterSocket socket, NetfilterSocket::open());
  MessageWriter requests;
  Result<> listed =
      find_entries(socket, addresses, [&](const Attributes& entry) { write_delete(requests, entry); });
  if (!listed) return tracks_nothing(listed.error()) ? Result<>{} : listed;
  if (requests.count() == 0) return {};
  Result<> out;
  TRY(socket.talk(requests, nullptr, [&](uint32_t, int error, const std::string&) {
    // Ended by itself, or listed twice.
    if (error != ENOENT) out = fail_errno(error, "forget a connection");
  }));
  return out;
}

}  // namespace shoji::net
