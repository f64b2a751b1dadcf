// The record of an attachment: written before it is made, read by who removes it.
#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "netsetup/attach/attach.h"

namespace shoji::net {

namespace {

constexpr size_t kRecordLimit = 16 << 20;  // bytes: thousands of published ports

template <typename T>
Result<T> parse_member(Json object, std::string_view name) {
  TRY_ASSIGN(std::string_view text, object.find(name).as_string());
  return T::parse(text);
}

template <typename Items, typename Print>
void print_list(JsonWriter& out, std::string_view key, const Items& items, Print print) {
  if (items.empty()) return;
  out.key(key).begin_array();
  for (const auto& item : items) print(item);
  out.end_array();
}

Result<> read_rates(Json value, Rates& out) {
  constexpr std::pair<std::string_view, uint64_t Rates::*> kMembers[] = {{"in", &Rates::in},
                                                                         {"out", &Rates::out},
                                                                         {"burstIn", &Rates::burst_in},
                                                                         {"burstOut", &Rates::burst_out}};
  for (const auto& [name, member] : kMembers) {
    TRY_ASSIGN(out.*member, value.find(name).as_uint64());
  }
  return {};
}

void print_rule(JsonWriter& out, const AccessRule& rule) {
  out.begin_object().member("allow", rule.allow).member("incoming", rule.incoming);
  if (rule.peer) out.member("peer", rule.peer->text());
  if (rule.protocol) out.member("protocol", protocol_name(*rule.protocol));
  out.member("firstPort", uint32_t{rule.first_port})
      .member("lastPort", uint32_t{rule.last_port})
      .end_object();
}

Result<AccessRule> read_rule(Json value) {
  AccessRule out;
  TRY_ASSIGN(out.allow, value.find("allow").as_bool());
  TRY_ASSIGN(out.incoming, value.find("incoming").as_bool());
  if (value.find("peer").exists()) {
    TRY_ASSIGN(out.peer, parse_member<Prefix>(value, "peer"));
  }
  if (Json protocol = value.find("protocol"); protocol.exists()) {
    TRY_ASSIGN(std::string_view name, protocol.as_string());
    out.protocol = name == "udp" ? Protocol::kUdp : Protocol::kTcp;
  }
  TRY_ASSIGN(uint64_t first, value.find("firstPort").as_uint64());
  TRY_ASSIGN(uint64_t last, value.find("lastPort").as_uint64());
  out.first_port = static_cast<uint16_t>(first);
  out.last_port = static_cast<uint16_t>(last);
  return out;
}

Result<> read_lists(Json root, Attachment& out) {
  auto each = [&](std::string_view key, auto read_one) -> Result<> {
    Json list = root.find(key);
    if (!list.exists()) return {};
    for (Json item = list.first(); item.exists(); item = item.next()) TRY(read_one(item));
    return {};
  };
  TRY(each("addresses", [&](Json item) -> Result<> {
    TRY_ASSIGN(std::string_view text, item.as_string());
    TRY_ASSIGN(Prefix parsed, Prefix::parse(text));
    out.addresses.push_back(parsed);
    return {};
  }));
  TRY(each("gateways", [&](Json item) -> Result<> {
    TRY_ASSIGN(std::string_view text, item.as_string());
    TRY_ASSIGN(Address parsed, Address::parse(text));
    out.gateways.push_back(parsed);
    return {};
  }));
  TRY(each("ports", [&](Json item) -> Result<> {
    TRY_ASSIGN(std::string_view text, item.as_string());
    TRY_ASSIGN(PublishedPort parsed, parse_published_port(text));
    out.ports.push_back(parsed);
    return {};
  }));
  return each("rules", [&](Json item) -> Result<> {
    TRY_ASSIGN(AccessRule parsed, read_rule(item));
    out.rules.push_back(parsed);
    return {};
  });
}

Result<> list_directory(const std::string& directory, std::vector<std::string>& out) {
  std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(directory.c_str()), closedir);
  if (!entries && (errno == ENOENT || errno == ENOTDIR)) return {};
  if (!entries) return fail_errno(errno, cat("list ", quote(directory)));
  while (const dirent* entry = readdir(entries.get()))
    if (std::string_view name = entry->d_name; name != "." && name != "..") out.emplace_back(name);
  std::ranges::sort(out);
  return {};
}

}  // namespace

std::string print_attachment(const Attachment& attachment, bool one_line) {
  JsonWriter out(one_line ? JsonWriter::Style::kCompact : JsonWriter::Style::kIndented);
  out.begin_object().member("partition", attachment.partition).member("network", attachment.network);
  out.member("interface", attachment.interface).member("kind", kind_name(attachment.kind));
  out.member("netns", attachment.netns).member("netnsId", attachment.netns_id);
  out.member("hostInterface", attachment.host_interface);
  // Not known while the plugins of CNI have not run, and some do not tell it.
  if (attachment.mac != Mac{}) out.member("mac", attachment.mac.text());
  print_list(out, "addresses", attachment.addresses, [&](const Prefix& item) { out.value(item.text()); });
  print_list(out, "gateways", attachment.gateways, [&](const Address& item) { out.value(item.text()); });
  print_list(out, "ports", attachment.ports,
             [&](const PublishedPort& item) { out.value(print_published_port(item)); });
  print_list(out, "rules", attachment.rules, [&](const AccessRule& item) { print_rule(out, item); });
  const Rates& rates = attachment.rates;
  out.key("rates").begin_object().member("in", rates.in).member("out", rates.out);
  out.member("burstIn", rates.burst_in).member("burstOut", rates.burst_out).end_object();
  out.member("defaultRoute", attachment.default_route).member("metric", attachment.metric);
  out.end_object();
  return out.take() + "\n";
}

Result<Attachment> parse_attachment(std::string text, std::string_view source) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(text), source));
  Json root = document.root();
  Attachment out;
  constexpr std::pair<std::string_view, std::string Attachment::*> kTexts[] = {
      {"partition", &Attachment::partition},
      {"network", &Attachment::network},
      {"interface", &Attachment::interface},
      {"netns", &Attachment::netns},
      {"hostInterface", &Attachment::host_interface}};
  for (const auto& [name, member] : kTexts) {
    TRY_ASSIGN(std::string_view value, root.find(name).as_string());
    out.*member = value;
  }
  TRY_ASSIGN(std::string_view kind, root.find("kind").as_string());
  for (NetworkKind candidate :
       {NetworkKind::kBridge, NetworkKind::kRouted, NetworkKind::kMacvlan, NetworkKind::kCni})
    if (kind_name(candidate) == kind) out.kind = candidate;
  TRY_ASSIGN(out.netns_id, root.find("netnsId").as_uint64());
  if (root.find("mac").exists()) {
    TRY_ASSIGN(out.mac, parse_member<Mac>(root, "mac"));
  }
  TRY(read_lists(root, out));
  TRY(read_rates(root.find("rates"), out.rates));
  TRY_ASSIGN(out.default_route, root.find("defaultRoute").as_bool());
  TRY_ASSIGN(uint64_t metric, root.find("metric").as_uint64());
  out.metric = static_cast<uint32_t>(metric);
  return out;
}

Result<std::vector<std::string>> list_attached_partitions(const NetworkStore& store) {
  std::vector<std::string> out;
  TRY(list_directory(store.run + "/attachments", out));
  return out;
}

namespace {

// Calls `take` with every record: what it says, or why it cannot be read.
Result<> each_record(const NetworkStore& store, std::string_view partition,
                     const std::function<void(const std::string& path, Result<Attachment> record)>& take) {
  std::vector<std::string> partitions;
  std::string base = store.run + "/attachments";
  if (partition.empty()) {
    TRY(list_directory(base, partitions));
  } else {
    partitions.emplace_back(partition);
  }
  for (const std::string& name : partitions) {
    std::vector<std::string> networks;
    TRY(list_directory(cat(base, '/', name), networks));
    for (const std::string& network : networks) {
      if (network[0] == '.') continue;  // just being written
      std::string path = cat(base, '/', name, '/', network);
      Result<std::string> text = read_file(path, kRecordLimit);
      if (!text && text.error().kind == Kind::kNotFound) continue;  // just detached
      if (!text) return Failure(text.error());
      take(path, parse_attachment(std::move(*text), path));
    }
  }
  return {};
}

}  // namespace

// One that was damaged must not keep the verbs of all other partitions from their work.
Result<std::vector<Attachment>> list_attachments(const NetworkStore& store, std::string_view partition) {
  std::vector<Attachment> out;
  TRY(each_record(store, partition, [&](const std::string& /*path*/, Result<Attachment> record) {
    if (record)
      out.push_back(std::move(*record));
    else
      log(LogLevel::kWarning, cat("passed over a record that cannot be read: ", record.error().text,
                                  "; network check --repair removes it"));
  }));
  return out;
}

Result<std::vector<DamagedRecord>> damaged_records(const NetworkStore& store) {
  std::vector<DamagedRecord> out;
  TRY(each_record(store, "", [&](const std::string& path, Result<Attachment> record) {
    if (!record) out.push_back({path, record.error().text});
  }));
  return out;
}

}  // namespace shoji::net
