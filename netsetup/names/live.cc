#include "netsetup/names/live.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>
#include <memory>

#include "base/io.h"
#include "base/path.h"
#include "netsetup/names/hosts_text.h"
#include "netsetup/names/names.h"

namespace shoji::net {

namespace {

constexpr size_t kHostsLimit = 64 << 20;  // bytes: a million names
constexpr std::string_view kServices = "services";
// Who routed partitions reach the host by (netsetup/attach/attach.cc); its IPv6 twin is of link scope, which a hosts
// file cannot say.
constexpr std::string_view kRoutedGateway = "169.254.1.1";

// RUN/hosts, locked: one verb at a time changes files there.
struct HostsDirectory {
  std::string path;
  UniqueFd dir;
  FileLock lock;
  [[nodiscard]] std::string file(std::string_view name) const { return join_path(path, name); }
};

Result<HostsDirectory> open_hosts(const NetworkStore& store) {
  std::string path = store.run + "/hosts";
  TRY(make_directories(path, 0755));
  TRY_ASSIGN(UniqueFd dir, open_file(path, O_RDONLY | O_DIRECTORY));
  TRY_ASSIGN(FileLock lock, FileLock::acquire(dir.get(), ".lock"));
  return HostsDirectory{path, std::move(dir), std::move(lock)};
}

// Of a directory's entries; of none that is not there.
Result<std::vector<std::string>> visible_names(const std::string& directory) {
  std::vector<std::string> out;
  std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(directory.c_str()), closedir);
  if (!entries && errno == ENOENT) return out;
  if (!entries) return fail_errno(errno, cat("list ", quote(directory)));
  while (const dirent* entry = readdir(entries.get()))
    if (entry->d_name[0] != '.') out.emplace_back(entry->d_name);
  return out;
}

// The file of a set of networks, which are in order. One network's has its name, that of several a hash: their names may be
// longer together than a file's.
std::string file_of(const std::vector<std::string>& networks) {
  if (networks.size() == 1) return networks[0];
  uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const std::string& network : networks)
    for (char c : network + "/") hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ULL;
  char out[24];
  snprintf(out, sizeof out, "+%016llx", static_cast<unsigned long long>(hash));
  return out;
}

struct Service {
  std::string name;
  std::optional<Address> address;
};

// RUN/hosts/services: "NAME ADDRESS" or "NAME -".
Result<std::vector<Service>> read_services(const HostsDirectory& hosts) {
  std::vector<Service> out;
  Result<std::string> text = read_file(hosts.file(kServices), kHostsLimit);
  if (!text && text.error().kind == Kind::kNotFound) return out;
  if (!text) return Failure(text.error());
  for (std::string_view rest = *text; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    size_t blank = line.find(' ');
    if (blank == std::string_view::npos) continue;
    Service service{.name = std::string(line.substr(0, blank)), .address = {}};
    if (Result<Address> address = Address::parse(line.substr(blank + 1)); address) service.address = *address;
    out.push_back(std::move(service));
  }
  return out;
}

Result<> write_services(const HostsDirectory& hosts, const std::vector<Service>& services) {
  std::string text;
  for (const Service& service : services)
    text += cat(service.name, ' ', service.address ? service.address->text() : "-", '\n');
  return write_file_atomically(hosts.file(kServices), text, 0644);
}

// Where partitions of `network` find a service. Nowhere: through macvlan nobody reaches the host, nor its loopback.
std::vector<Address> addresses_of(const Service& service, const Network& network) {
  if (service.address)
    return service.address->is_loopback() ? std::vector<Address>{} : std::vector{*service.address};
  std::vector<Address> out;
  for (const Subnet& subnet : network.subnets) {
    bool is_ipv4 = subnet.prefix.address.family() == Family::kIpv4;
    if (network.kind == NetworkKind::kRouted && is_ipv4) out.push_back(*Address::parse(kRoutedGateway));
    if (network.kind == NetworkKind::kBridge && subnet.gateway) out.push_back(*subnet.gateway);
  }
  return out;
}

void put_partition(std::string& text, const Attachment& attachment, bool stays) {
  std::vector<Address> addresses;
  for (const Prefix& address : attachment.addresses)
    if (stays) addresses.push_back(address.address);
  put_name(text, {.name = attachment.partition, .network = attachment.network}, addresses);
}

// A file that is there. Only what differs is written, in place.
Result<> write_difference(const std::string& path, std::string_view before, std::string_view after) {
  Difference changed = difference(before, after);
  TRY_ASSIGN(UniqueFd file, open_file(path, O_WRONLY | O_NOFOLLOW));
  for (size_t done = 0; done < changed.text.size();) {
    ssize_t n = pwrite(file.get(), changed.text.data() + done, changed.text.size() - done,
                       static_cast<off_t>(changed.offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(errno, cat("write ", quote(path)));
    done += static_cast<size_t>(n);
  }
  if (after.size() < before.size() && ftruncate(file.get(), static_cast<off_t>(after.size())) != 0)
    return fail_errno(errno, cat("shorten ", quote(path)));
  return {};
}

// Those with a record for one of `networks`: a look at names, where reading all records would cost ten times as much.
Result<std::vector<std::string>> partitions_on(const NetworkStore& store,
                                               const std::vector<std::string>& networks) {
  std::string directory = store.run + "/attachments";
  TRY_ASSIGN(std::vector<std::string> out, visible_names(directory));
  std::erase_if(out, [&](const std::string& partition) {
    return std::ranges::none_of(networks, [&](const std::string& network) {
      return access(cat(directory, '/', partition, '/', network).c_str(), F_OK) == 0;
    });
  });
  return out;
}

// Everything anew, from the records: of a set of networks that nobody was on, or whose file is lost.
Result<std::string> text_from_records(const NetworkStore& store, const HostsDirectory& hosts,
                                      const std::vector<std::string>& networks) {
  std::string text = hosts_beginning(networks);
  TRY_ASSIGN(std::vector<Service> services, read_services(hosts));
  for (const std::string& name : networks) {
    if (services.empty()) break;
    Result<Network> network = find_network(store, name);
    if (!network && network.error().kind != Kind::kNotFound) return Failure(network.error());
    for (const Service& service : services)
      if (network) put_name(text, {service.name, name, NameOwner::kService}, addresses_of(service, *network));
  }
  TRY_ASSIGN(std::vector<std::string> partitions, partitions_on(store, networks));
  for (const std::string& partition : partitions) {
    TRY_ASSIGN(std::vector<Attachment> records, list_attachments(store, partition));
    for (const Attachment& record : records)
      if (std::ranges::find(networks, record.network) != networks.end()) put_partition(text, record, true);
  }
  return text;
}

Result<> make_file(const NetworkStore& store, const HostsDirectory& hosts,
                   const std::vector<std::string>& networks) {
  std::string path = hosts.file(file_of(networks));
  if (access(path.c_str(), F_OK) == 0) return {};
  TRY_ASSIGN(std::string text, text_from_records(store, hosts, networks));
  return write_file_atomically(path, text, 0644);
}

// The names of all hosts files.
Result<std::vector<std::string>> hosts_files(const HostsDirectory& hosts) {
  TRY_ASSIGN(std::vector<std::string> out, visible_names(hosts.path));
  std::erase(out, kServices);
  return out;
}

// Calls `edit(text, networks)` on each file and writes what it changed. `concerned`: of these networks only; empty: all.
template <typename Edit>
Result<> edit_files(const HostsDirectory& hosts, const std::vector<std::string>& concerned,
                    const Edit& edit) {
  TRY_ASSIGN(std::vector<std::string> names, hosts_files(hosts));
  auto is_concerned = [&](const std::string& network) {
    return concerned.empty() || std::ranges::find(concerned, network) != concerned.end();
  };
  for (const std::string& name : names) {
    if (!name.starts_with('+') && !is_concerned(name)) continue;
    TRY_ASSIGN(std::string before, read_file(hosts.file(name), kHostsLimit));
    std::vector<std::string> networks = networks_of(before);
    if (std::ranges::none_of(networks, is_concerned)) continue;
    std::string after = before;
    mend_end(after);
    TRY(edit(after, networks));
    close_gaps(after);
    if (after != before) TRY(write_difference(hosts.file(name), before, after));
  }
  return {};
}

Result<> put_partitions(const HostsDirectory& hosts, const std::vector<Attachment>& attachments, bool stay) {
  std::vector<std::string> concerned;
  for (const Attachment& attachment : attachments) concerned.push_back(attachment.network);
  return edit_files(hosts, concerned,
                    [&](std::string& text, const std::vector<std::string>& networks) -> Result<> {
                      for (const Attachment& attachment : attachments)
                        if (std::ranges::find(networks, attachment.network) != networks.end())
                          put_partition(text, attachment, stay);
                      return {};
                    });
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// `path` becomes another name of `target`. Whoever has the old one bound keeps it.
Result<> link_to(const std::string& target, const std::string& path) {
  struct stat wanted{}, there{};
  if (stat(target.c_str(), &wanted) == 0 && stat(path.c_str(), &there) == 0 && same_file(wanted, there))
    return {};
  std::string scratch = path + ".new";
  unlink(scratch.c_str());
  if (link(target.c_str(), scratch.c_str()) != 0)
    return fail_errno(errno, cat("link ", quote(target), " to ", quote(scratch)));
  if (rename(scratch.c_str(), path.c_str()) != 0)
    return fail_errno(errno, cat("rename ", quote(scratch), " to ", quote(path)));
  return {};
}

// What the networks of a partition say about name servers; none says anything: the host's.
class ResolverFacts {
 public:
  explicit ResolverFacts(const NetworkStore& store) : store_(store) {}
  Result<ResolverFiles> of(const std::string& partition, const std::vector<std::string>& networks) {
    ResolverFiles out;
    for (const std::string& name : networks) {
      if (!known_.contains(name)) {
        Result<Network> network = find_network(store_, name);
        if (!network && network.error().kind != Kind::kNotFound) return Failure(network.error());
        known_[name] = network ? network->dns : std::vector<Address>{};
      }
      for (const Address& server : known_[name])
        if (std::ranges::find(out.dns, server) == out.dns.end()) out.dns.push_back(server);
    }
    if (out.dns.empty()) {
      if (!host_) {
        TRY_ASSIGN(host_, read_resolv_conf("/etc/resolv.conf"));
      }
      out = *host_;
    }
    out.hostname = partition;
    return out;
  }

 private:
  const NetworkStore& store_;
  std::map<std::string, std::vector<Address>> known_;
  std::optional<ResolverFiles> host_;
};

using NetworksByPartition = std::map<std::string, std::vector<std::string>>;

// All networks of the partitions in `attachments`, in order, as the names of the records have them.
Result<NetworksByPartition> networks_by_partition(const NetworkStore& store,
                                                  const std::vector<Attachment>& attachments) {
  NetworksByPartition out;
  for (const Attachment& attachment : attachments) {
    auto [entry, is_new] = out.try_emplace(attachment.partition);
    if (!is_new) continue;
    TRY_ASSIGN(entry->second, visible_names(cat(store.run, "/attachments/", attachment.partition)));
    std::ranges::sort(entry->second);
  }
  return out;
}

Result<> give_files(const NetworkStore& store, const HostsDirectory& hosts,
                    const NetworksByPartition& partitions) {
  ResolverFacts resolvers(store);
  for (const auto& [partition, networks] : partitions) {
    std::string directory = names_directory(store, partition);
    if (networks.empty()) {
      TRY(remove_tree(directory));
      continue;
    }
    TRY(make_file(store, hosts, networks));
    TRY_ASSIGN(ResolverFiles files, resolvers.of(partition, networks));
    TRY(write_resolver_files(directory, files));
    TRY(link_to(hosts.file(file_of(networks)), join_path(directory, "hosts")));
  }
  return {};
}

}  // namespace

std::string names_directory(const NetworkStore& store, std::string_view partition) {
  return cat(store.run, "/names/", partition);
}

Result<> add_names(const NetworkStore& store, const std::vector<Attachment>& added) {
  for (const Attachment& attachment : added) TRY(check_host_name(attachment.partition));
  TRY_ASSIGN(NetworksByPartition partitions, networks_by_partition(store, added));
  TRY_ASSIGN(HostsDirectory hosts, open_hosts(store));
  TRY(put_partitions(hosts, added, true));
  return give_files(store, hosts, partitions);
}

Result<> remove_names(const NetworkStore& store, const std::vector<Attachment>& removed) {
  TRY_ASSIGN(NetworksByPartition partitions, networks_by_partition(store, removed));
  TRY_ASSIGN(HostsDirectory hosts, open_hosts(store));
  TRY(put_partitions(hosts, removed, false));
  return give_files(store, hosts, partitions);
}

Result<> refresh_names_of_network(const NetworkStore& store, const std::string& network) {
  TRY_ASSIGN(HostsDirectory hosts, open_hosts(store));
  TRY_ASSIGN(std::vector<std::string> names, hosts_files(hosts));
  for (const std::string& name : names) {
    if (!name.starts_with('+') && name != network) continue;
    TRY_ASSIGN(std::string text, read_file(hosts.file(name), kHostsLimit));
    std::vector<std::string> networks = networks_of(text);
    if (std::ranges::find(networks, network) == networks.end()) continue;
    struct stat info{};
    if (stat(hosts.file(name).c_str(), &info) == 0 && info.st_nlink > 1) {
      TRY_ASSIGN(std::string anew, text_from_records(store, hosts, networks));
      TRY(write_difference(hosts.file(name), text, anew));
    } else if (unlink(hosts.file(name).c_str()) != 0 && errno != ENOENT) {
      return fail_errno(errno, cat("remove ", quote(hosts.file(name))));
    }
  }
  return {};
}

namespace {

Result<> put_service(const NetworkStore& store, const std::string& name,
                     const std::optional<Service>& service) {
  TRY(check_host_name(name));
  TRY_ASSIGN(HostsDirectory hosts, open_hosts(store));
  TRY_ASSIGN(std::vector<Service> services, read_services(hosts));
  std::erase_if(services, [&](const Service& each) { return each.name == name; });
  if (service) services.push_back(*service);
  TRY(write_services(hosts, services));
  return edit_files(hosts, {}, [&](std::string& text, const std::vector<std::string>& networks) -> Result<> {
    for (const std::string& each : networks) {
      std::vector<Address> addresses;
      Result<Network> network = find_network(store, each);
      if (!network && network.error().kind != Kind::kNotFound) return Failure(network.error());
      if (service && network) addresses = addresses_of(*service, *network);
      put_name(text, {name, each, NameOwner::kService}, addresses);
    }
    return {};
  });
}

}  // namespace

Result<> set_service_name(const NetworkStore& store, const std::string& service,
                          const std::optional<Address>& address) {
  return put_service(store, service, Service{.name = service, .address = address});
}

Result<> remove_service_name(const NetworkStore& store, const std::string& service) {
  return put_service(store, service, std::nullopt);
}

}  // namespace shoji::net
