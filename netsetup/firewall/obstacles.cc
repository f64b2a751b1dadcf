#include "netsetup/firewall/obstacles.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <sys/socket.h>

#include <algorithm>

#include "netsetup/firewall/bridge_netfilter.h"
#include "netsetup/firewall/elements.h"
#include "netsetup/firewall/nft_words.h"

namespace shoji::net {

namespace {

struct FamilyName {
  uint8_t number;
  std::string_view name;
};
constexpr FamilyName kForwarding[] = {
    {NFPROTO_INET, "inet"}, {NFPROTO_IPV4, "ip"}, {NFPROTO_IPV6, "ip6"}, {NFPROTO_BRIDGE, "bridge"}};

bool uses(const std::vector<FirewallNetwork>& networks, uint8_t family) {
  if (family == NFPROTO_INET || family == NFPROTO_BRIDGE) return !networks.empty();
  Family wanted = family == NFPROTO_IPV4 ? Family::kIpv4 : Family::kIpv6;
  return std::ranges::any_of(networks, [&](const FirewallNetwork& network) {
    return std::ranges::any_of(network.subnets,
                               [&](const Prefix& prefix) { return prefix.address.family() == wanted; });
  });
}

// A packet has to be accepted by every table: what we accept another one may still drop. docker sets such a policy.
std::string sentence_on(const FamilyName& family, const Attributes& chain) {
  std::string table = cat(family.name, ' ', chain.text(NFTA_CHAIN_TABLE));
  return cat("table ", table, ", which is not Shoji's, drops forwarded packets that its chain ",
             chain.text(NFTA_CHAIN_NAME),
             " does not accept (policy drop): a rule there has to accept those from and to the networks of "
             "partitions");
}

}  // namespace

Result<std::vector<std::string>> find_obstacles(NetfilterSocket& socket,
                                                const std::vector<FirewallNetwork>& networks,
                                                const std::vector<FirewallEndpoint>& endpoints) {
  std::vector<std::string> out;
  MessageWriter request;
  request.begin(NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_GETCHAIN, NLM_F_DUMP, AF_UNSPEC);
  TRY(socket.talk(
      request,
      [&](const nlmsghdr* header) {
        const auto* general = reinterpret_cast<const nfgenmsg*>(header + 1);
        const auto* family = std::ranges::find(kForwarding, general->nfgen_family, &FamilyName::number);
        Attributes chain = Attributes::of_message(header);
        Attributes hook = chain.nested(NFTA_CHAIN_HOOK);
        if (family == std::end(kForwarding) || chain.text(NFTA_CHAIN_TABLE) == kTableName) return;
        if (hook.find(NFTA_HOOK_HOOKNUM).empty() || hook.be32(NFTA_HOOK_HOOKNUM) != NF_INET_FORWARD) return;
        if (chain.be32(NFTA_CHAIN_POLICY) == NF_DROP && uses(networks, family->number))
          out.push_back(sentence_on(*family, chain));
      },
      nullptr));
  for (Family family : {Family::kIpv4, Family::kIpv6})
    if (bridges_skip_rules(endpoints, family))
      out.push_back(cat("rules of partitions do not hold between partitions of one bridge over ",
                        word4or6(family, "IPv4", "IPv6"),
                        ": the kernel's br_netfilter is not loaded or off (sysctl "
                        "net.bridge.bridge-nf-call-",
                        word4or6(family, "ip", "ip6"), "tables)"));
  return out;
}

}  // namespace shoji::net
