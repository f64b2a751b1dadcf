#include "netsetup/firewall/access_rule.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include <array>

namespace shoji::net {

namespace {

// Expressions work on one register; the verdict has its own.
class Expressions {
 public:
  explicit Expressions(MessageWriter& out) : out_(out), list_(out.open(NFTA_RULE_EXPRESSIONS)) {}
  void finish() { out_.close(list_); }

  void load_meta(uint32_t key) {
    begin("meta");
    out_.put_be32(NFTA_META_DREG, NFT_REG_1);
    out_.put_be32(NFTA_META_KEY, key);
    end();
  }
  void load_payload(uint32_t base, size_t offset, size_t size) {
    begin("payload");
    out_.put_be32(NFTA_PAYLOAD_DREG, NFT_REG_1);
    out_.put_be32(NFTA_PAYLOAD_BASE, base);
    out_.put_be32(NFTA_PAYLOAD_OFFSET, static_cast<uint32_t>(offset));
    out_.put_be32(NFTA_PAYLOAD_LEN, static_cast<uint32_t>(size));
    end();
  }
  void mask(Bytes bits) {
    const std::array<uint8_t, 16> zeros{};
    begin("bitwise");
    out_.put_be32(NFTA_BITWISE_SREG, NFT_REG_1);
    out_.put_be32(NFTA_BITWISE_DREG, NFT_REG_1);
    out_.put_be32(NFTA_BITWISE_LEN, static_cast<uint32_t>(bits.size()));
    put_value(NFTA_BITWISE_MASK, bits);
    put_value(NFTA_BITWISE_XOR, Bytes(zeros).first(bits.size()));
    end();
  }
  void compare(uint32_t how, Bytes with) {
    begin("cmp");
    out_.put_be32(NFTA_CMP_SREG, NFT_REG_1);
    out_.put_be32(NFTA_CMP_OP, how);
    put_value(NFTA_CMP_DATA, with);
    end();
  }
  void compare(uint8_t with) { compare(NFT_CMP_EQ, {&with, 1}); }
  void compare_port(uint32_t how, uint16_t port) {
    uint16_t value = htons(port);
    compare(how, {reinterpret_cast<const uint8_t*>(&value), sizeof value});
  }
  void verdict(int code) {
    begin("immediate");
    out_.put_be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    size_t data = out_.open(NFTA_IMMEDIATE_DATA);
    size_t verdict = out_.open(NFTA_DATA_VERDICT);
    out_.put_be32(NFTA_VERDICT_CODE, static_cast<uint32_t>(code));
    out_.close(verdict);
    out_.close(data);
    end();
  }

 private:
  void begin(std::string_view name) {
    item_ = out_.open(NFTA_LIST_ELEM);
    out_.put_text(NFTA_EXPR_NAME, name);
    data_ = out_.open(NFTA_EXPR_DATA);
  }
  void end() {
    out_.close(data_);
    out_.close(item_);
  }
  void put_value(uint16_t attribute, Bytes bytes) {
    size_t opened = out_.open(attribute);
    out_.put(NFTA_DATA_VALUE, bytes);
    out_.close(opened);
  }

  MessageWriter& out_;
  size_t list_, item_ = 0, data_ = 0;
};

void match_peer(Expressions& rule, const Prefix& peer, bool incoming) {
  bool four = peer.address.family() == Family::kIpv4;
  rule.load_meta(NFT_META_NFPROTO);
  rule.compare(static_cast<uint8_t>(four ? NFPROTO_IPV4 : NFPROTO_IPV6));
  if (peer.length == 0) return;
  size_t offset = 0;
  if (four) {
    offset = incoming ? offsetof(iphdr, saddr) : offsetof(iphdr, daddr);
  } else {
    offset = incoming ? offsetof(ip6_hdr, ip6_src) : offsetof(ip6_hdr, ip6_dst);
  }
  rule.load_payload(NFT_PAYLOAD_NETWORK_HEADER, offset, peer.address.size());
  if (peer.length < peer.address.bits()) {
    std::array<uint8_t, 16> bits{};
    for (size_t i = 0; i < peer.length; ++i) bits[i / 8] |= static_cast<uint8_t>(0x80U >> (i % 8));
    rule.mask(Bytes(bits).first(peer.address.size()));
  }
  rule.compare(NFT_CMP_EQ, {peer.address.bytes(), peer.address.size()});
}

void match_ports(Expressions& rule, uint16_t first, uint16_t last) {
  constexpr size_t kDestination = 2;  // bytes into the header, of TCP and of UDP
  rule.load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, kDestination, sizeof first);
  if (first == last) {
    rule.compare_port(NFT_CMP_EQ, first);
    return;
  }
  rule.compare_port(NFT_CMP_GTE, first);
  rule.compare_port(NFT_CMP_LTE, last);
}

}  // namespace

void write_access_rule(MessageWriter& out, std::string_view chain, const AccessMatch& match) {
  out.begin(NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFPROTO_INET);
  out.put_text(NFTA_RULE_TABLE, kTableName);
  out.put_text(NFTA_RULE_CHAIN, chain);
  Expressions rule(out);
  if (match.peer) match_peer(rule, *match.peer, match.incoming);
  if (match.protocol) {
    rule.load_meta(NFT_META_L4PROTO);
    rule.compare(static_cast<uint8_t>(*match.protocol == Protocol::kTcp ? IPPROTO_TCP : IPPROTO_UDP));
  }
  if (match.first_port != 0) match_ports(rule, match.first_port, match.last_port);
  rule.verdict(match.allow ? NFT_RETURN : NF_DROP);
  rule.finish();
}

}  // namespace shoji::net
