#include "netsetup/lease/lease.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace shoji::net {

namespace {

constexpr size_t kLeaseSize = 4096;  // bytes of a file, far above what one needs
constexpr char kScratch[] = ".new";

// The directory, open and locked: one verb at a time looks and decides.
struct LockedPool {
  UniqueFd dir;
  FileLock lock;
};

Result<LockedPool> lock_pool(const LeasePool& pool) {
  TRY(make_directories(pool.directory, 0700));
  TRY_ASSIGN(UniqueFd dir, open_file(pool.directory, O_RDONLY | O_DIRECTORY));
  TRY_ASSIGN(FileLock lock, FileLock::acquire(dir.get(), "lock"));
  return LockedPool{std::move(dir), std::move(lock)};
}

// A file that is none of ours or was cut off by a full disk has no partition: whoever finds it may take the address.
Lease parse_lease(const Address& address, std::string_view text) {
  size_t first = text.find('\n');
  size_t second = first == std::string_view::npos ? first : text.find('\n', first + 1);
  if (second == std::string_view::npos) return {address, "", ""};
  return {address, std::string(text.substr(0, first)),
          std::string(text.substr(first + 1, second - first - 1))};
}

Result<Lease> read_lease(int dir, const Address& address) {
  TRY_ASSIGN(std::string text, read_file_at(dir, address.text(), kLeaseSize));
  return parse_lease(address, text);
}

Result<> write_scratch(int dir, const std::string& partition, const std::string& boot_id) {
  TRY_ASSIGN(UniqueFd file, open_at(dir, kScratch, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  return write_all(file.get(), cat(partition, '\n', boot_id, '\n'), kScratch);
}

// Gives the address to whom the scratch file names: true, or false when it is taken.
Result<bool> take(int dir, const Address& address, const std::string& boot_id) {
  std::string name = address.text();
  if (linkat(dir, kScratch, dir, name.c_str(), 0) == 0) return true;
  if (errno != EEXIST) return fail_errno(errno, cat("lease ", name));
  TRY_ASSIGN(Lease old, read_lease(dir, address));
  if (!old.partition.empty() && old.boot_id == boot_id) return false;
  if (renameat(dir, kScratch, dir, name.c_str()) != 0) return fail_errno(errno, cat("lease ", name));
  return true;
}

bool is_reserved(const LeasePool& pool, const Address& address) {
  return std::ranges::find(pool.reserved, address) != pool.reserved.end();
}

const char* next_file(const LeasePool& pool) {
  return pool.first.family() == Family::kIpv4 ? "next-4" : "next-6";
}

// Where the last search ended; a pool that was made smaller begins anew.
uint64_t start_of_search(int dir, const LeasePool& pool, uint64_t size) {
  Result<std::string> text = read_file_at(dir, next_file(pool), kLeaseSize);
  if (!text) return 0;
  Result<Address> next = Address::parse(*text);
  if (!next || next->family() != pool.first.family() || *next < pool.first || *next > pool.last) return 0;
  return pool.first.distance_to(*next, size - 1);
}

Result<> remember_search(int dir, const LeasePool& pool, const Address& next) {
  TRY_ASSIGN(UniqueFd file, open_at(dir, next_file(pool), O_WRONLY | O_CREAT | O_TRUNC, 0600));
  return write_all(file.get(), next.text(), next_file(pool));
}

// Every address file in the directory.
Result<std::vector<Address>> leased_addresses(int dir) {
  TRY_ASSIGN(UniqueFd copy, open_at(dir, ".", O_RDONLY | O_DIRECTORY));
  std::unique_ptr<DIR, int (*)(DIR*)> entries(fdopendir(copy.release()), closedir);
  if (!entries) return fail_errno(errno, "list the leases");
  std::vector<Address> out;
  while (const dirent* entry = readdir(entries.get()))
    if (Result<Address> address = Address::parse(entry->d_name)) out.push_back(*address);
  return out;
}

constexpr uint64_t kLargestPool = uint64_t{1} << 32;

}  // namespace

Result<std::string> current_boot_id() {
  TRY_ASSIGN(std::string text, read_file("/proc/sys/kernel/random/boot_id", 64));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<Address> lease_any(const LeasePool& pool, const std::string& partition, const std::string& boot_id) {
  TRY_ASSIGN(LockedPool locked, lock_pool(pool));
  int dir = locked.dir.get();
  TRY(write_scratch(dir, partition, boot_id));
  uint64_t size = pool.first.distance_to(pool.last, kLargestPool - 1) + 1;
  uint64_t start = start_of_search(dir, pool, size);
  // A few probes find a free address nearly always. In a crowded pool the directory is read once, so that the price of
  // a full one is one listing and not a system call for every address.
  constexpr uint64_t kProbes = 32;
  std::vector<Address> taken;
  for (uint64_t i = 0; i < size; ++i) {
    std::optional<Address> candidate = pool.first.plus((start + i) % size);
    if (!candidate || is_reserved(pool, *candidate)) continue;
    if (i == kProbes) {
      TRY_ASSIGN(std::vector<Address> found, leased_addresses(dir));
      for (const Address& address : found) {
        Result<Lease> lease = read_lease(dir, address);
        if (lease && !lease->partition.empty() && lease->boot_id == boot_id) taken.push_back(address);
      }
      std::ranges::sort(taken);
    }
    if (i >= kProbes && std::ranges::binary_search(taken, *candidate)) continue;
    TRY_ASSIGN(bool ours, take(dir, *candidate, boot_id));
    if (!ours) continue;
    ignore(remember_search(dir, pool, candidate->plus(1).value_or(pool.first)),
           "only where the next search begins");
    unlinkat(dir, kScratch, 0);
    return *candidate;
  }
  unlinkat(dir, kScratch, 0);
  return fail(Kind::kState,
              cat("every address from ", pool.first.text(), " to ", pool.last.text(), " is taken"));
}

Result<> lease_address(const LeasePool& pool, const Address& address, const std::string& partition,
                       const std::string& boot_id) {
  if (is_reserved(pool, address))
    return fail(Kind::kInvalid, cat("address ", address.text(), " belongs to the network itself"));
  TRY_ASSIGN(LockedPool locked, lock_pool(pool));
  int dir = locked.dir.get();
  TRY(write_scratch(dir, partition, boot_id));
  TRY_ASSIGN(bool ours, take(dir, address, boot_id));
  unlinkat(dir, kScratch, 0);
  if (ours) return {};
  TRY_ASSIGN(Lease holder, read_lease(dir, address));
  if (holder.partition == partition) return {};
  return fail(Kind::kExists, cat("address ", address.text(), " is taken by ", quote(holder.partition)));
}

Result<> release_address(const LeasePool& pool, const Address& address, const std::string& partition) {
  TRY_ASSIGN(LockedPool locked, lock_pool(pool));
  Result<Lease> lease = read_lease(locked.dir.get(), address);
  if (!lease) return lease.error().kind == Kind::kNotFound ? Result<>{} : Failure(lease.error());
  if (lease->partition != partition) return {};
  if (unlinkat(locked.dir.get(), address.text().c_str(), 0) != 0)
    return fail_errno(errno, cat("release ", address.text()));
  return {};
}

Result<std::vector<Lease>> list_leases(const LeasePool& pool) {
  Result<UniqueFd> dir = open_file(pool.directory, O_RDONLY | O_DIRECTORY);
  if (!dir && dir.error().kind == Kind::kNotFound) return std::vector<Lease>{};
  if (!dir) return Failure(dir.error());
  TRY_ASSIGN(std::vector<Address> addresses, leased_addresses(dir->get()));
  std::ranges::sort(addresses);
  std::vector<Lease> out;
  for (const Address& address : addresses)
    if (Result<Lease> lease = read_lease(dir->get(), address))
      out.push_back(std::move(*lease));  // else just released
  return out;
}

Result<std::vector<Lease>> sweep_leases(const LeasePool& pool, const std::string& boot_id,
                                        const std::function<bool(const std::string& partition)>& lives) {
  TRY_ASSIGN(LockedPool locked, lock_pool(pool));
  TRY_ASSIGN(std::vector<Lease> leases, list_leases(pool));
  std::erase_if(leases,
                [&](const Lease& lease) { return lease.boot_id == boot_id && lives(lease.partition); });
  for (const Lease& lease : leases)
    if (unlinkat(locked.dir.get(), lease.address.text().c_str(), 0) != 0)
      return fail_errno(errno, cat("release ", lease.address.text()));
  return leases;
}

}  // namespace shoji::net
