#include "netsetup/cni/cni.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>

#include "base/io.h"
#include "base/json.h"
#include "netsetup/cni/record.h"
#include "netsetup/link/requests.h"

namespace shoji::net {

namespace {

constexpr std::string_view kPrefix = "cni:";
constexpr uint64_t kLeastBurst = 128 << 10;  // bytes: two packets as large as the kernel makes them

bool is_namespace(const std::string& path) {
  struct statfs facts{};
  return statfs(path.c_str(), &facts) == 0 && facts.f_type == NSFS_MAGIC;
}

Result<> check_container_id(std::string_view name) {
  auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  auto allowed = [&](char c) { return alphanumeric(c) || c == '_' || c == '.' || c == '-'; };
  if (!name.empty() && alphanumeric(name[0]) && std::ranges::all_of(name, allowed)) return {};
  return fail(Kind::kInvalid,
              cat("partition ", quote(name), " cannot be on a network of CNI, where names are ",
                  "letters, digits, \"_\", \".\", \"-\", beginning with a letter or digit"));
}

// CNI's CONVENTIONS.md, "portMappings".
std::string print_ports(const std::vector<PublishedPort>& ports) {
  JsonWriter out;
  out.begin_array();
  for (const PublishedPort& port : ports) {
    for (uint32_t i = 0; i < port.count; ++i) {
      out.begin_object().member("hostPort", port.port + i).member("containerPort", port.target + i);
      out.member("protocol", protocol_name(port.protocol));
      if (port.host) out.member("hostIP", port.host->text());
      out.end_object();
    }
  }
  return out.end_array().take();
}

std::string print_addresses(const std::vector<Address>& addresses) {
  JsonWriter out;
  out.begin_array();
  for (const Address& address : addresses) out.value(address.text());
  return out.end_array().take();
}

// "Rates are in bits per second, burst values are in bits"; a rate needs a burst.
std::string print_rates(const Rates& rates) {
  JsonWriter out;
  out.begin_object();
  auto print = [&](std::string_view rate_name, std::string_view burst_name, uint64_t rate, uint64_t burst) {
    if (rate == 0) return;
    if (burst == 0) burst = std::max(rate / 100, kLeastBurst);
    out.member(rate_name, rate * 8).member(burst_name, burst * 8);
  };
  print("ingressRate", "ingressBurst", rates.in, rates.burst_in);
  print("egressRate", "egressBurst", rates.out, rates.burst_out);
  return out.end_object().take();
}

// The request as capability arguments, for plugins that declare them.
Result<std::vector<std::pair<std::string, std::string>>> capability_arguments(const CniConfig& config,
                                                                              const AttachRequest& request) {
  struct Wish {
    std::string_view capability, what;
    bool wanted;
    std::string value;
  };
  const bool rates = request.rates.in != 0 || request.rates.out != 0;
  const Wish wishes[] = {
      {"portMappings", "publishes ports", !request.ports.empty(), print_ports(request.ports)},
      {"ips", "takes addresses", !request.addresses.empty(), print_addresses(request.addresses)},
      {"mac", "takes a MAC", request.mac.has_value(),
       request.mac ? JsonWriter().value(request.mac->text()).take() : ""},
      {"bandwidth", "limits rates", rates, print_rates(request.rates)},
  };
  std::vector<std::pair<std::string, std::string>> out;
  for (const Wish& wish : wishes) {
    if (!wish.wanted) continue;
    if (!config.has_capability(wish.capability))
      return fail(Kind::kUnsupported, cat("CNI network ", quote(config.name), ": no plugin of it ", wish.what,
                                          " (capability ", quote(wish.capability), ")"));
    out.emplace_back(wish.capability, wish.value);
  }
  if (!request.rules.empty())
    return fail(Kind::kUnsupported, cat("CNI network ", quote(config.name), ": access rules are not for ",
                                        "networks of CNI, whose plugins filter themselves"));
  return out;
}

// The interface of the partition, and the host's end of it: the last one on the host that is named before it (a bridge
// comes before the interface that is put into it).
Result<> read_interfaces(Json interfaces, Attachment& out, std::vector<bool>& is_inside) {
  if (!interfaces.exists() || interfaces.is_null()) return {};
  if (!interfaces.is_array()) return interfaces.unexpected("an array");
  bool met = false;
  for (Json item = interfaces.first(); item.exists(); item = item.next()) {
    TRY_ASSIGN(std::string_view name, item.find("name").as_string());
    bool inside = !item.find("sandbox").as_string().value_or("").empty();
    is_inside.push_back(inside);
    if (!inside && !met) out.host_interface = name;
    if (!inside || name != out.interface) continue;
    met = true;
    Result<Mac> mac = Mac::parse(item.find("mac").as_string().value_or(""));
    if (mac) out.mac = *mac;
  }
  if (!met) out.host_interface.clear();
  return {};
}

// "Section 5: Result Types". Addresses of the host's interfaces are left out.
Result<> read_result(const std::string& result, Attachment& out) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(result, "result"));
  std::vector<bool> is_inside;
  TRY(read_interfaces(document.root().find("interfaces"), out, is_inside));
  Json addresses = document.root().find("ips");
  if (!addresses.exists() || addresses.is_null()) return {};
  if (!addresses.is_array()) return addresses.unexpected("an array");
  for (Json item = addresses.first(); item.exists(); item = item.next()) {
    Json interface = item.find("interface");
    if (interface.exists() && !interface.is_null()) {
      TRY_ASSIGN(uint64_t index, interface.as_uint64());
      if (index < is_inside.size() && !is_inside[index]) continue;
    }
    TRY_ASSIGN(std::string_view text, item.find("address").as_string());
    TRY_ASSIGN(Prefix address, Prefix::parse(text));
    out.addresses.push_back(address);
    if (Json gateway = item.find("gateway"); gateway.exists() && !gateway.is_null()) {
      TRY_ASSIGN(std::string_view gateway_text, gateway.as_string());
      TRY_ASSIGN(Address parsed, Address::parse(gateway_text));
      out.gateways.push_back(parsed);
    }
  }
  return {};
}

Attachment empty_attachment(const Network& network, const AttachRequest& request, const std::string& netns) {
  Attachment out;
  out.partition = request.partition;
  out.network = network.name;
  out.interface = request.interface;
  out.netns = netns;
  out.kind = NetworkKind::kCni;
  out.ports = request.ports;
  out.rates = request.rates;
  return out;
}

Result<std::string> add_and_record(const NetworkStore& store, const Network& network, CniRecord& record,
                                   const CniPlaces& places) {
  TRY(write_cni_record(store, network.name, record));
  TRY_ASSIGN(record.result, cni_add(places, record.config, record.call));
  TRY(write_cni_record(store, network.name, record));
  return record.result;
}

}  // namespace

Result<Network> cni_network(const std::string& name, const CniPlaces& places) {
  TRY(find_cni_config(places, name));
  Network out;
  out.name = cat(kPrefix, name);
  out.kind = NetworkKind::kCni;
  out.cni = name;
  return out;
}

Result<Network> find_network_or_cni(const NetworkStore& store, const std::string& name,
                                    const CniPlaces& places) {
  if (name.starts_with(kPrefix)) return cni_network(name.substr(kPrefix.size()), places);
  return find_network(store, name);
}

Result<Attachment> cni_attach(const NetworkStore& store, const Network& network, const AttachRequest& request,
                              const std::string& netns, const CniPlaces& places) {
  TRY(check_container_id(request.partition));
  TRY(check_interface_name(request.interface));
  TRY_ASSIGN(CniConfig config, find_cni_config(places, network.cni));
  CniRecord record{.boot_id = {}, .config = std::move(config), .call = {}, .result = {}};
  TRY_ASSIGN(record.boot_id, current_boot_id());
  TRY_ASSIGN(auto arguments, capability_arguments(record.config, request));
  record.call = {.container = request.partition,
                 .netns = netns,
                 .interface = request.interface,
                 .arguments = std::move(arguments)};
  TRY(cni_detach(store, request.partition, network.name,
                 places));  // of an earlier boot, or of who was killed
  Attachment out = empty_attachment(network, request, netns);
  Result<std::string> result = add_and_record(store, network, record, places);
  Result<> made = result ? read_result(*result, out) : Result<>{};
  if (result && made) return out;
  // "A delete must still be executed even if the add fails."
  ignore(cni_detach(store, request.partition, network.name, places),
         "the first error counts; the record is there for the next one who tries");
  Error error = result ? within("result of the plugins", made.error()) : result.error();
  return Failure(within(cat("attach ", quote(request.partition), " to network ", quote(network.name)),
                        std::move(error)));
}

Result<> cni_detach(const NetworkStore& store, const std::string& partition, const std::string& network,
                    const CniPlaces& places) {
  Result<CniRecord> record = read_cni_record(store, partition, network);
  if (!record && record.error().kind == Kind::kNotFound) return {};
  if (!record) return Failure(record.error());
  // A path of another boot may lead to another namespace by now.
  TRY_ASSIGN(std::string boot, current_boot_id());
  if (record->boot_id != boot || !is_namespace(record->call.netns)) record->call.netns.clear();
  Result<> done = cni_del(places, record->config, record->call, record->result);
  if (!done)
    return Failure(within(cat("detach ", quote(partition), " from network ", quote(network)), done.error()));
  return remove_cni_record(store, partition, network);
}

Result<> cni_check_attachment(const NetworkStore& store, const std::string& partition,
                              const std::string& network, const CniPlaces& places) {
  TRY_ASSIGN(CniRecord record, read_cni_record(store, partition, network));
  if (record.result.empty())
    return fail(Kind::kState,
                cat("CNI network ", quote(record.config.name), ": it was never attached in full"));
  return cni_check(places, record.config, record.call, record.result);
}

Result<std::vector<CniLeftover>> cni_leftovers(
    const NetworkStore& store,
    const std::function<bool(const std::string& partition, const std::string& network)>& lives) {
  std::vector<CniLeftover> out;
  TRY_ASSIGN(std::string boot, current_boot_id());
  TRY_ASSIGN(std::vector<std::string> partitions, list_cni_records(store));
  for (const std::string& partition : partitions) {
    TRY_ASSIGN(std::vector<std::string> networks, list_cni_records(store, partition));
    for (const std::string& network : networks) {
      Result<CniRecord> record = read_cni_record(store, partition, network);
      if (!record && record.error().kind == Kind::kNotFound) continue;
      if (!record) return Failure(record.error());
      if (record->boot_id != boot || !lives(partition, network))
        out.push_back({.partition = partition, .network = network});
    }
  }
  return out;
}

}  // namespace shoji::net
