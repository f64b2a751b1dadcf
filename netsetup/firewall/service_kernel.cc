#include "netsetup/firewall/service_kernel.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <cstring>

#include "netsetup/firewall/kernel_tables.h"
#include "netsetup/firewall/ruleset.h"

namespace shoji::net {

namespace {

// Whether a rule of the chain chooses the slot in the service's way.
Result<bool> chooses_so(NetfilterSocket& socket, const VirtualService& service) {
  std::string_view wanted = service.spread == Spread::kRoundRobin ? "numgen" : "hash";
  MessageWriter request;
  request.begin(NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_GETRULE, NLM_F_DUMP, NFPROTO_INET);
  request.put_text(NFTA_RULE_TABLE, kTableName);
  request.put_text(NFTA_RULE_CHAIN, service_chain(service));
  bool found = false;
  TRY(socket.talk(
      request,
      [&](const nlmsghdr* header) {
        Attributes::of_message(header).nested(NFTA_RULE_EXPRESSIONS).each([&](uint16_t, Bytes expression) {
          if (Attributes(expression).text(NFTA_EXPR_NAME) == wanted) found = true;
        });
      },
      nullptr));
  return found;
}

// The element that leads to the service is asked for by its key.
Result<bool> is_led_to(NetfilterSocket& socket, const VirtualService& service) {
  Element lead = service_lead(service);
  MessageWriter request;
  request.begin(NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_GETSETELEM, NLM_F_ACK, NFPROTO_INET);
  request.put_text(NFTA_SET_ELEM_LIST_TABLE, kTableName);
  request.put_text(NFTA_SET_ELEM_LIST_SET, lead.set);
  size_t list = request.open(NFTA_SET_ELEM_LIST_ELEMENTS), item = request.open(NFTA_LIST_ELEM);
  size_t key = request.open(NFTA_SET_ELEM_KEY);
  request.put(NFTA_DATA_VALUE, lead.key.bytes);
  request.close(key);
  request.close(item);
  request.close(list);
  bool found = false;
  TRY(socket.talk(
      request,
      [&](const nlmsghdr* header) {
        Attributes::of_message(header).nested(NFTA_SET_ELEM_LIST_ELEMENTS).each([&](uint16_t, Bytes one) {
          Attributes verdict = Attributes(one).nested(NFTA_SET_ELEM_DATA).nested(NFTA_DATA_VERDICT);
          if (verdict.text(NFTA_VERDICT_CHAIN) == lead.jump) found = true;
        });
      },
      nullptr));
  return found;
}

}  // namespace

Result<std::optional<std::vector<std::string>>> read_service_row(NetfilterSocket& socket,
                                                                 const VirtualService& service) {
  TRY_ASSIGN(bool led, is_led_to(socket, service));
  TRY_ASSIGN(bool chooses, chooses_so(socket, service));
  if (!led || !chooses) return std::nullopt;
  Result<std::vector<KernelElement>> elements = read_elements(socket, Table::kInet, slots_name(service));
  if (!elements && elements.error().kind == Kind::kNotFound) return std::nullopt;
  if (!elements) return Failure(elements.error());
  std::vector<std::string> row(kSlots);
  Family family = service_family(service);
  const size_t size = family == Family::kIpv4 ? 4 : 16;
  for (const KernelElement& element : *elements) {
    uint32_t slot = 0;
    uint16_t port = 0;
    if (element.key.size() != sizeof slot || element.value.size() < size + sizeof port) return std::nullopt;
    memcpy(&slot, element.key.data(), sizeof slot);
    memcpy(&port, element.value.data() + size, sizeof port);
    if (slot >= row.size()) return std::nullopt;
    row[slot] = member_key(
        {.partition = {}, .address = Address::from_bytes(family, element.value.data()), .port = ntohs(port)});
  }
  return row;
}

}  // namespace shoji::net
