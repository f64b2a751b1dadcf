#include "netsetup/attach/network_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/io.h"

namespace shoji::net {

namespace {

constexpr size_t kDocumentLimit = 1 << 20;  // bytes

std::string document_of(const NetworkStore& store, std::string_view name) {
  return store.directory_of(name) + "/network.json";
}

// One verb at a time changes which networks there are: two that overlap cannot be made at once.
Result<FileLock> lock_networks(const NetworkStore& store) {
  std::string directory = store.root + "/networks";
  TRY(make_directories(directory, 0755));
  TRY_ASSIGN(UniqueFd dir, open_file(directory, O_RDONLY | O_DIRECTORY));
  return FileLock::acquire(dir.get(), ".lock");
}

// A lock on the directory itself, shared by those that attach to the network. kNotFound when there is no such network.
Result<UniqueFd> lock_network(const NetworkStore& store, std::string_view name, int kind) {
  std::string path = store.directory_of(name);
  for (;;) {
    Result<UniqueFd> dir = open_file(path, O_RDONLY | O_DIRECTORY);
    if (!dir && dir.error().kind == Kind::kNotFound)
      return fail(Kind::kNotFound, cat("there is no network ", quote(name)));
    if (!dir) return dir;
    while (flock(dir->get(), kind) != 0)
      if (errno != EINTR) return fail_errno(errno, cat("lock ", quote(path)));
    // Removed while we waited, and perhaps made anew.
    struct stat facts{};
    if (fstat(dir->get(), &facts) == 0 && facts.st_nlink > 0) return dir;
  }
}

Result<> check_and_write(const NetworkStore& store, const Network& network) {
  TRY_ASSIGN(std::vector<Network> others, list_networks(store));
  TRY(check_overlap(network, others));
  TRY(make_directories(store.directory_of(network.name), 0755));
  return write_file_atomically(document_of(store, network.name), print_network(network), 0644);
}

}  // namespace

std::string NetworkStore::directory_of(std::string_view network) const {
  return cat(root, "/networks/", network);
}

Result<> create_network(const NetworkStore& store, const Network& network) {
  TRY(check_network_name(network.name));
  TRY_ASSIGN(FileLock lock, lock_networks(store));
  if (access(document_of(store, network.name).c_str(), F_OK) == 0)
    return fail(Kind::kExists, cat("network ", quote(network.name), " exists"));
  return check_and_write(store, network);
}

Result<> replace_network(const NetworkStore& store, const Network& network) {
  TRY_ASSIGN(FileLock lock, lock_networks(store));
  TRY(find_network(store, network.name));
  TRY_ASSIGN(UniqueFd nobody_attaches, lock_network(store, network.name, LOCK_EX));
  for (const LeasePool& pool : lease_pools(store, network)) {
    TRY_ASSIGN(std::vector<Lease> leases, list_leases(pool));
    for (const Lease& lease : leases) {
      auto holds = [&](const Subnet& subnet) { return subnet.prefix.contains(lease.address); };
      if (std::ranges::none_of(network.subnets, holds))
        return fail(Kind::kState, cat("network ", quote(network.name), ": address ", lease.address.text(),
                                      " of ", quote(lease.partition), " is in none of the new subnets"));
    }
  }
  return check_and_write(store, network);
}

Result<Network> find_network(const NetworkStore& store, std::string_view name) {
  // Attachments are to such networks too (netsetup/cni/cni.h).
  if (name.starts_with("cni:"))
    return fail(Kind::kNotFound,
                cat("network ", quote(name), " is a configuration of CNI, without a document"));
  TRY(check_network_name(name));  // a name, not a path
  std::string path = document_of(store, name);
  Result<std::string> text = read_file(path, kDocumentLimit);
  if (!text && text.error().kind == Kind::kNotFound)
    return fail(Kind::kNotFound, cat("there is no network ", quote(name)));
  if (!text) return Failure(text.error());
  return parse_network(std::move(*text), path);
}

Result<HeldNetwork> hold_network(const NetworkStore& store, std::string_view name) {
  TRY(check_network_name(name));  // a name, not a path
  TRY_ASSIGN(UniqueFd hold, lock_network(store, name, LOCK_SH));
  TRY_ASSIGN(Network network, find_network(store, name));
  return HeldNetwork{std::move(network), std::move(hold)};
}

Result<std::vector<Network>> list_networks(const NetworkStore& store) {
  std::vector<Network> out;
  std::string directory = store.root + "/networks";
  std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(directory.c_str()), closedir);
  if (!entries && errno == ENOENT) return out;
  if (!entries) return fail_errno(errno, cat("list ", quote(directory)));
  while (const dirent* entry = readdir(entries.get())) {
    if (entry->d_name[0] == '.') continue;
    Result<Network> network = find_network(store, entry->d_name);
    // A directory without a document: being made, or being removed.
    if (!network && network.error().kind == Kind::kNotFound) continue;
    if (!network) return Failure(network.error());
    out.push_back(std::move(*network));
  }
  std::ranges::sort(out, {}, &Network::name);
  return out;
}

Result<> remove_network(const NetworkStore& store, std::string_view name) {
  TRY_ASSIGN(FileLock lock, lock_networks(store));
  TRY_ASSIGN(Network network, find_network(store, name));
  TRY_ASSIGN(UniqueFd nobody_attaches, lock_network(store, name, LOCK_EX));
  TRY_ASSIGN(std::string boot, current_boot_id());
  for (const LeasePool& pool : lease_pools(store, network)) {
    TRY_ASSIGN(std::vector<Lease> leases, list_leases(pool));
    std::erase_if(leases, [&](const Lease& lease) { return lease.boot_id != boot; });
    if (!leases.empty())
      return fail(Kind::kState, cat("network ", quote(name), " is in use: ", quote(leases[0].partition),
                                    " has ", leases[0].address.text(),
                                    leases.size() > 1 ? cat(", and ", leases.size() - 1, " more") : ""));
  }
  // The document first: from then on there is no such network, whatever else is left of it.
  if (unlink(document_of(store, name).c_str()) != 0)
    return fail_errno(errno, cat("remove network ", quote(name)));
  return remove_tree(store.directory_of(name));
}

std::vector<LeasePool> lease_pools(const NetworkStore& store, const Network& network) {
  std::vector<LeasePool> out;
  for (const Subnet& subnet : network.subnets) {
    LeasePool pool{.directory = store.directory_of(network.name) + "/leases",
                   .first = subnet.first_lease(),
                   .last = subnet.last_lease(),
                   .reserved = {}};
    pool.reserved.push_back(subnet.prefix.first());
    if (subnet.gateway) pool.reserved.push_back(*subnet.gateway);
    if (subnet.prefix.address.family() == Family::kIpv4) pool.reserved.push_back(subnet.prefix.last());
    out.push_back(std::move(pool));
  }
  return out;
}

}  // namespace shoji::net
