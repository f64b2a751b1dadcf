#include "netsetup/firewall/kernel_tables.h"

#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <cerrno>

#include "netsetup/firewall/ruleset.h"

namespace shoji::net {

namespace {

constexpr uint16_t message_type(uint16_t message) {
  return static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8U | message);
}

std::string_view trimmed(std::string_view line) {
  size_t first = line.find_first_not_of(" \t");
  return first == std::string_view::npos ? std::string_view() : line.substr(first);
}

std::string_view first_word(std::string_view text) {
  return text.substr(0, text.find(' '));
}

std::vector<uint8_t> copy(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

void ask_for_table(MessageWriter& out, Table table) {
  out.begin(message_type(NFT_MSG_GETTABLE), NLM_F_ACK, table_family(table));
  out.put_text(NFTA_TABLE_NAME, kTableName);
}

// The comment is in the userdata that nft writes, with a header of its own before it.
bool has_version(const Attributes& table) {
  Bytes data = table.find(NFTA_TABLE_USERDATA);
  std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
  return text.find(std::string(kRulesetVersion) + '\0') != std::string_view::npos;
}

KernelElement element_of(const Attributes& attributes) {
  Attributes data = attributes.nested(NFTA_SET_ELEM_DATA);
  KernelElement out{.key = copy(attributes.nested(NFTA_SET_ELEM_KEY).find(NFTA_DATA_VALUE)),
                    .key_end = copy(attributes.nested(NFTA_SET_ELEM_KEY_END).find(NFTA_DATA_VALUE)),
                    .value = copy(data.find(NFTA_DATA_VALUE)),
                    .jump = data.nested(NFTA_DATA_VERDICT).text(NFTA_VERDICT_CHAIN)};
  out.ends_interval = (attributes.be32(NFTA_SET_ELEM_FLAGS) & NFT_SET_ELEM_INTERVAL_END) != 0;
  return out;
}

}  // namespace

ChainUses chains_in_text(std::string_view ruleset, Table table) {
  ChainUses out;
  std::vector<std::string_view> jumps;
  bool in_table = false;
  std::string_view chain;
  while (!ruleset.empty()) {
    size_t end = std::min(ruleset.find('\n'), ruleset.size());
    std::string_view line = trimmed(ruleset.substr(0, end));
    ruleset.remove_prefix(std::min(end + 1, ruleset.size()));
    if (line.starts_with("table ")) {
      in_table = line.substr(6).starts_with(table_name(table));
    } else if (!in_table) {
      continue;
    } else if (line.starts_with("chain ")) {
      chain = first_word(line.substr(6));
      out[std::string(chain)] = 0;
    } else if (line == "}") {
      chain = {};
    } else if (!chain.empty() && !line.starts_with("type ")) {
      ++out[std::string(chain)];
      for (std::string_view word : {" jump ", " goto "})
        if (size_t at = line.find(word); at != std::string_view::npos)
          jumps.push_back(first_word(line.substr(at + word.size())));
    }
  }
  for (std::string_view jump : jumps) ++out[std::string(jump)];
  return out;
}

Result<ChainUses> read_chains(NetfilterSocket& socket, Table table) {
  ChainUses out;
  bool ours = false;
  MessageWriter request;
  ask_for_table(request, table);
  TRY(socket.talk(
      request, [&](const nlmsghdr* header) { ours = has_version(Attributes::of_message(header)); }, nullptr));
  if (!ours) return out;
  MessageWriter list;
  list.begin(message_type(NFT_MSG_GETCHAIN), NLM_F_DUMP, table_family(table));
  Result<> result;
  TRY(socket.talk(
      list,
      [&](const nlmsghdr* header) {
        Attributes chain = Attributes::of_message(header);
        if (chain.text(NFTA_CHAIN_TABLE) == kTableName)
          out[chain.text(NFTA_CHAIN_NAME)] = chain.be32(NFTA_CHAIN_USE);
      },
      [&](uint32_t, int error, const std::string&) {
        result = fail_errno(error, "list the firewall's chains");
      }));
  if (!result) return Failure(result.error());
  return out;
}

Result<bool> base_is_whole(NetfilterSocket& socket) {
  static const std::string text = base_ruleset({});
  MessageWriter request;
  std::vector<uint32_t> wanted = {0};  // by the message's number
  for (Table table : {Table::kInet, Table::kBridge}) {
    ask_for_table(request, table);
    wanted.push_back(0);
    for (const auto& [name, uses] : chains_in_text(text, table)) {
      request.begin(message_type(NFT_MSG_GETCHAIN), NLM_F_ACK, table_family(table));
      request.put_text(NFTA_CHAIN_TABLE, kTableName);
      request.put_text(NFTA_CHAIN_NAME, name);
      wanted.push_back(uses);
    }
  }
  bool whole = true;
  size_t seen = 0;
  TRY(socket.talk(
      request,
      [&](const nlmsghdr* header) {
        if (header->nlmsg_seq >= wanted.size()) return;
        ++seen;
        Attributes attributes = Attributes::of_message(header);
        bool is_table = header->nlmsg_type == message_type(NFT_MSG_NEWTABLE);
        if (is_table ? !has_version(attributes)
                     : attributes.be32(NFTA_CHAIN_USE) != wanted[header->nlmsg_seq])
          whole = false;
      },
      nullptr));
  return whole && seen + 1 == wanted.size();
}

Result<std::vector<KernelElement>> read_elements(NetfilterSocket& socket, Table table,
                                                 const std::string& set) {
  MessageWriter request;
  request.begin(message_type(NFT_MSG_GETSETELEM), NLM_F_DUMP, table_family(table));
  request.put_text(NFTA_SET_ELEM_LIST_TABLE, kTableName);
  request.put_text(NFTA_SET_ELEM_LIST_SET, set);
  std::vector<KernelElement> out;
  Result<> result;
  TRY(socket.talk(
      request,
      [&](const nlmsghdr* header) {
        Attributes::of_message(header).nested(NFTA_SET_ELEM_LIST_ELEMENTS).each([&](uint16_t, Bytes value) {
          out.push_back(element_of(Attributes(value)));
        });
      },
      [&](uint32_t, int error, const std::string&) {
        result = fail_errno(error, cat("list the firewall's set ", set));
      }));
  if (!result) return Failure(result.error());
  return out;
}

}  // namespace shoji::net
