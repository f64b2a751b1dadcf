#include "netsetup/ports/ports.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>

#include "base/io.h"
#include "netsetup/ports/listener.h"

namespace shoji::net {

namespace {

constexpr char kScratch[] = ".new";
constexpr size_t kHolderSize = 4096;       // bytes, far above what one needs
constexpr size_t kLinksOfOneFile = 10000;  // ext4 has 65,000 at most

struct Claims {
  UniqueFd dir;
  FileLock lock;
};

Result<Claims> open_claims(const std::string& run) {
  std::string path = cat(run, "/ports");
  TRY(make_directories(path, 0700));
  TRY_ASSIGN(UniqueFd dir, open_file(path, O_RDONLY | O_DIRECTORY));
  TRY_ASSIGN(FileLock lock, FileLock::acquire(dir.get(), "lock"));
  return Claims{std::move(dir), std::move(lock)};
}

// "tcp-80-any", "udp-53-fd00::1"
std::string file_name(const PublishedPort& port, uint16_t number) {
  return cat(protocol_name(port.protocol), '-', number, '-', port.host ? port.host->text() : "any");
}

std::optional<PublishedPort> parse_file_name(std::string_view name) {
  PublishedPort out;
  if (name.starts_with("udp-")) {
    out.protocol = Protocol::kUdp;
  } else if (!name.starts_with("tcp-")) {
    return std::nullopt;
  }
  name.remove_prefix(4);
  size_t dash = name.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  std::string_view number = name.substr(0, dash);
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), out.port);
  if (error != std::errc() || end != number.data() + number.size()) return std::nullopt;
  if (name.substr(dash + 1) == "any") return out;
  Result<Address> host = Address::parse(name.substr(dash + 1));
  if (!host) return std::nullopt;
  out.host = *host;
  return out;
}

std::string describe(const PublishedPort& port, uint16_t number) {
  return cat("port ", number, '/', protocol_name(port.protocol),
             port.host ? cat(" of ", port.host->text()) : "");
}

// "" when nobody has it, or when what is there was cut off by a full disk.
std::string holder_of(int dir, const std::string& name) {
  Result<std::string> text = read_file_at(dir, name, kHolderSize);
  if (!text || !text->ends_with('\n')) return {};
  text->pop_back();
  return *text;
}

Result<> write_scratch(int dir, const std::string& holder) {
  unlinkat(dir, kScratch, 0);
  TRY_ASSIGN(UniqueFd file, open_at(dir, kScratch, O_WRONLY | O_CREAT | O_EXCL, 0600));
  return write_all(file.get(), cat(holder, '\n'), kScratch);
}

// What one call has claimed: taken back unless all went well.
class Taken {
 public:
  Taken(int dir, const std::string& holder) : dir_(dir), holder_(holder) {}
  ~Taken() {
    for (const std::string& name : names_) unlinkat(dir_, name.c_str(), 0);
    unlinkat(dir_, kScratch, 0);
  }
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;

  // True: it is ours only now.
  Result<bool> take(const PublishedPort& port, uint16_t number) {
    std::string name = file_name(port, number);
    if (links_ == 0) TRY(write_scratch(dir_, holder_));
    links_ = (links_ + 1) % kLinksOfOneFile;
    if (linkat(dir_, kScratch, dir_, name.c_str(), 0) != 0) {
      if (errno != EEXIST) return fail_errno(errno, cat("claim ", describe(port, number)));
      std::string other = holder_of(dir_, name);
      if (other == holder_) return false;
      if (!other.empty()) return fail(Kind::kExists, cat(describe(port, number), " is taken by ", other));
      if (renameat(dir_, kScratch, dir_, name.c_str()) != 0)
        return fail_errno(errno, cat("claim ", describe(port, number)));
      links_ = 0;
    }
    names_.push_back(std::move(name));
    return true;
  }
  void keep() { names_.clear(); }

 private:
  int dir_;
  const std::string& holder_;
  size_t links_ = 0;
  std::vector<std::string> names_;
};

Result<> refuse_listener(const PublishedPort& port, uint16_t number, const std::vector<Family>& families) {
  for (Family family : families) {
    if (port.host && port.host->family() != family) continue;
    std::optional<std::string> who = who_listens(family, port.host, number, port.protocol);
    if (who) return fail(Kind::kExists, cat(describe(port, number), " is taken by ", *who));
  }
  return {};
}

}  // namespace

Result<> claim_ports(const std::string& run, const std::string& holder,
                     const std::vector<PublishedPort>& ports, const std::vector<Family>& families) {
  if (ports.empty()) return {};
  TRY_ASSIGN(Claims claims, open_claims(run));
  Taken taken(claims.dir.get(), holder);
  for (const PublishedPort& port : ports)
    for (unsigned i = 0; i < port.count; ++i) {
      auto number = static_cast<uint16_t>(port.port + i);
      TRY_ASSIGN(bool is_new, taken.take(port, number));
      // What was ours before leads away from whoever listens there now; that is for him to find out.
      if (is_new) TRY(refuse_listener(port, number, families));
    }
  taken.keep();
  return {};
}

Result<> release_ports(const std::string& run, const std::string& holder,
                       const std::vector<PublishedPort>& ports) {
  if (ports.empty()) return {};
  TRY_ASSIGN(Claims claims, open_claims(run));
  for (const PublishedPort& port : ports)
    for (unsigned i = 0; i < port.count; ++i) {
      std::string name = file_name(port, static_cast<uint16_t>(port.port + i));
      if (holder_of(claims.dir.get(), name) != holder) continue;
      if (unlinkat(claims.dir.get(), name.c_str(), 0) != 0) return fail_errno(errno, cat("release ", name));
    }
  return {};
}

Result<std::vector<PortClaim>> list_ports(const std::string& run) {
  std::vector<PortClaim> out;
  Result<UniqueFd> dir = open_file(cat(run, "/ports"), O_RDONLY | O_DIRECTORY);
  if (!dir && dir.error().kind == Kind::kNotFound) return out;
  if (!dir) return Failure(dir.error());
  TRY_ASSIGN(UniqueFd copy, open_at(dir->get(), ".", O_RDONLY | O_DIRECTORY));
  std::unique_ptr<DIR, int (*)(DIR*)> entries(fdopendir(copy.release()), closedir);
  if (!entries) return fail_errno(errno, "list the claimed ports");
  while (const dirent* entry = readdir(entries.get())) {
    std::optional<PublishedPort> port = parse_file_name(entry->d_name);
    if (!port) continue;
    // Released a moment ago: nobody's.
    std::string holder = holder_of(dir->get(), entry->d_name);
    if (!holder.empty()) out.push_back({std::move(holder), *port});
  }
  std::ranges::sort(out, [](const PortClaim& a, const PortClaim& b) {
    return std::tie(a.port.port, a.port.protocol, a.port.host) <
           std::tie(b.port.port, b.port.protocol, b.port.host);
  });
  return out;
}

}  // namespace shoji::net
