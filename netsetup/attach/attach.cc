#include "netsetup/attach/attach.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/io.h"

namespace shoji::net {

namespace {

// The gateway of routed partitions: the same two addresses on every host's end, of link scope, so that a partition needs
// no neighbour but the host (RFC 3927, RFC 4291).
constexpr const char* kRoutedGateways[] = {"169.254.1.1", "fe80::1"};
constexpr size_t kPartitionNameLimit = 200;

uint8_t prefix_length(const Network& network, const Subnet& subnet) {
  if (network.kind == NetworkKind::kRouted) return static_cast<uint8_t>(subnet.prefix.address.bits());
  return subnet.prefix.length;
}

std::string record_directory(const NetworkStore& store, std::string_view partition) {
  return cat(store.run, "/attachments/", partition);
}

LeasePool pool_of(const NetworkStore& store, const std::string& network) {
  return {.directory = store.directory_of(network) + "/leases", .first = {}, .last = {}, .reserved = {}};
}

Result<> check_wanted(const Network& network, const std::vector<Address>& addresses) {
  auto in_none = [&](const Address& wanted) {
    return std::ranges::none_of(network.subnets,
                                [&](const Subnet& subnet) { return subnet.prefix.contains(wanted); });
  };
  for (const Address& wanted : addresses)
    if (in_none(wanted))
      return fail(Kind::kInvalid,
                  cat("address ", wanted.text(), " is in no subnet of network ", quote(network.name)));
  for (const Subnet& subnet : network.subnets)
    if (std::ranges::count_if(addresses, [&](const Address& a) { return subnet.prefix.contains(a); }) > 1)
      return fail(Kind::kInvalid, cat("more than one address in subnet ", subnet.prefix.text()));
  return {};
}

}  // namespace

Result<> check_partition_name(std::string_view name) {
  auto character = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '+' || c == '.' || c == '-';
  };
  if (name.empty() || name == "." || name == ".." || !std::ranges::all_of(name, character))
    return fail(Kind::kInvalid,
                cat("partition name ", quote(name), ": letters, digits and _+.- are allowed"));
  if (name.size() > kPartitionNameLimit)
    return fail(Kind::kInvalid,
                cat("a partition's name is longer than ", kPartitionNameLimit, " characters"));
  return {};
}

Result<> lease_addresses(const NetworkStore& store, const Network& network, const AttachRequest& request,
                         Attachment& out) {
  TRY(check_wanted(network, request.addresses));
  TRY_ASSIGN(std::string boot, current_boot_id());
  std::vector<LeasePool> pools = lease_pools(store, network);
  for (size_t i = 0; i < network.subnets.size(); ++i) {
    const Subnet& subnet = network.subnets[i];
    auto wanted = std::ranges::find_if(
        request.addresses, [&](const Address& address) { return subnet.prefix.contains(address); });
    Address address;
    if (wanted != request.addresses.end()) {
      TRY(lease_address(pools[i], *wanted, request.partition, boot));
      address = *wanted;
    } else {
      TRY_ASSIGN(address, lease_any(pools[i], request.partition, boot));
    }
    out.addresses.push_back({address, prefix_length(network, subnet)});
    if (network.kind == NetworkKind::kRouted) {
      TRY_ASSIGN(Address gateway, Address::parse(kRoutedGateways[address.family() == Family::kIpv4 ? 0 : 1]));
      out.gateways.push_back(gateway);
    } else if (subnet.gateway) {
      out.gateways.push_back(*subnet.gateway);
    }
  }
  return {};
}

Result<> release_addresses(const NetworkStore& store, const Attachment& attachment) {
  LeasePool pool = pool_of(store, attachment.network);
  // A network that is gone took its leases along.
  if (access(pool.directory.c_str(), F_OK) != 0) return {};
  for (const Prefix& address : attachment.addresses)
    TRY(release_address(pool, address.address, attachment.partition));
  return {};
}

Result<> release_every_address(const NetworkStore& store, const std::string& partition,
                               const std::string& network) {
  LeasePool pool = pool_of(store, network);
  TRY_ASSIGN(std::vector<Lease> leases, list_leases(pool));
  for (const Lease& lease : leases)
    if (lease.partition == partition) TRY(release_address(pool, lease.address, partition));
  return {};
}

// One verb at a time works on a partition, so that the name of what is being written can be a fixed one: what a kill
// leaves of it is overwritten, or goes with the record.
Result<> write_record(const NetworkStore& store, const Attachment& attachment) {
  std::string directory = record_directory(store, attachment.partition);
  TRY(make_directories(directory, 0700));
  std::string path = cat(directory, '/', attachment.network);
  std::string scratch = cat(directory, "/.", attachment.network);
  TRY_ASSIGN(UniqueFd file, open_file(scratch, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  TRY(write_all(file.get(), print_attachment(attachment), scratch));
  if (rename(scratch.c_str(), path.c_str()) != 0) return fail_errno(errno, cat("write ", quote(path)));
  return {};
}

Result<> remove_record(const NetworkStore& store, const std::string& partition, const std::string& network) {
  std::string directory = record_directory(store, partition);
  for (std::string_view dot : {".", ""}) {
    std::string path = cat(directory, '/', dot, network);
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, cat("remove ", quote(path)));
  }
  rmdir(directory.c_str());  // the partition's last one
  return {};
}

FirewallEndpoint firewall_endpoint(const Attachment& attachment) {
  FirewallEndpoint out{.partition = attachment.partition,
                       .network = attachment.network,
                       .host_interface = attachment.host_interface,
                       .mac = attachment.mac,
                       .addresses = {},
                       .ports = attachment.ports,
                       .rules = attachment.rules};
  for (const Prefix& address : attachment.addresses) out.addresses.push_back(address.address);
  return out;
}

FirewallNetwork firewall_network(const Network& network) {
  FirewallNetwork out{.name = network.name,
                      .interface = network.interface_name(),
                      .subnets = {},
                      .nat = network.nat,
                      .internal = network.internal,
                      .isolated = network.isolated};
  // What is on a macvlan is beside the host: its subnet is the LAN's, with hosts that know nothing of our networks.
  if (network.kind != NetworkKind::kBridge && network.kind != NetworkKind::kRouted) return out;
  for (const Subnet& subnet : network.subnets) out.subnets.push_back(subnet.prefix);
  return out;
}

}  // namespace shoji::net
