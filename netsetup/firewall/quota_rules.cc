#include "netsetup/firewall/quota_rules.h"

#include <linux/netfilter/nf_tables.h>

#include <algorithm>

#include "netsetup/firewall/elements.h"

namespace shoji::net {

namespace {

constexpr std::string_view kPrefix = "quota_";

std::string object_name(std::string_view partition) {
  return cat(kPrefix, partition);
}

// Every object of ours in the table: `visit` gets its name and type.
Result<> each_object(NetfilterSocket& socket, uint16_t message, uint16_t table_attribute,
                     const std::function<void(const Attributes&)>& visit) {
  MessageWriter request;
  request.begin(static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8U | message), NLM_F_DUMP,
                table_family(Table::kNetdev));
  Result<> result;
  TRY(socket.talk(
      request,
      [&](const nlmsghdr* header) {
        Attributes object = Attributes::of_message(header);
        if (object.text(table_attribute) == kTableName) visit(object);
      },
      [&](uint32_t, int error, const std::string&) { result = fail_errno(error, "list the quotas"); }));
  return result;
}

// A packet may be as large as what a network card takes in one piece, 64 KiB and more: a smaller bucket never lets it pass.
uint64_t burst_of(uint64_t rate) {
  constexpr uint64_t kLargestPacket = 262144;  // bytes; between virtual interfaces (BIG TCP)
  constexpr uint64_t kPerSecond = 10;
  return std::max(kLargestPacket, rate / kPerSecond);
}

}  // namespace

std::string quota_ruleset(const PartitionQuota& quota) {
  std::string name = object_name(quota.partition);
  std::string out = cat("table ", table_name(Table::kNetdev), " {\n  quota ", name, " {\n    over ",
                        quota.limit, " bytes used ", std::min(quota.used, quota.limit), " bytes\n  }\n");
  if (quota.rate != 0)
    out += cat("  limit ", name, " {\n    rate over ", quota.rate, " bytes/second burst ",
               burst_of(quota.rate), " bytes\n  }\n");
  auto until = std::chrono::duration_cast<std::chrono::seconds>(quota.until.time_since_epoch()).count();
  for (const std::string& interface : quota.interfaces)
    for (std::string_view hook : {"ingress", "egress"})
      // Seconds of the epoch: nft would take a date for one of the local time zone.
      out += cat("  chain ", name, '/', hook, '/', interface, " {\n    type filter hook ", hook, " device \"",
                 interface, "\" priority -500; policy accept;\n    meta time < ", until, " quota name \"",
                 name, "\" ", quota.rate != 0 ? cat("limit name \"", name, "\" ") : "", "drop\n  }\n");
  return out + "}\n";
}

Result<std::string> quota_removal(NetfilterSocket& socket, const std::string& partition) {
  std::string name = object_name(partition), chains, objects;
  std::string table(table_name(Table::kNetdev));
  TRY(each_object(socket, NFT_MSG_GETCHAIN, NFTA_CHAIN_TABLE, [&](const Attributes& chain) {
    std::string found = chain.text(NFTA_CHAIN_NAME);
    if (found.starts_with(cat(name, '/')))
      chains += cat("flush chain ", table, ' ', found, "\ndelete chain ", table, ' ', found, '\n');
  }));
  TRY(each_object(socket, NFT_MSG_GETOBJ, NFTA_OBJ_TABLE, [&](const Attributes& object) {
    if (object.text(NFTA_OBJ_NAME) != name) return;
    uint32_t type = object.be32(NFTA_OBJ_TYPE);
    if (type == NFT_OBJECT_QUOTA || type == NFT_OBJECT_LIMIT)
      objects += cat("delete ", type == NFT_OBJECT_QUOTA ? "quota " : "limit ", table, ' ', name, '\n');
  }));
  return chains + objects;
}

Result<std::vector<QuotaReading>> read_kernel_quotas(NetfilterSocket& socket) {
  std::vector<QuotaReading> out;
  TRY(each_object(socket, NFT_MSG_GETOBJ, NFTA_OBJ_TABLE, [&](const Attributes& object) {
    std::string name = object.text(NFTA_OBJ_NAME);
    if (!name.starts_with(kPrefix) || object.be32(NFTA_OBJ_TYPE) != NFT_OBJECT_QUOTA) return;
    Attributes data = object.nested(NFTA_OBJ_DATA);
    out.push_back({.partition = name.substr(kPrefix.size()),
                   .used = data.be64(NFTA_QUOTA_CONSUMED),
                   .limit = data.be64(NFTA_QUOTA_BYTES)});
  }));
  std::ranges::sort(out, {}, &QuotaReading::partition);
  return out;
}

}  // namespace shoji::net
