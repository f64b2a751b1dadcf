#include "namespaces/seccomp/cache.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/io.h"

namespace shoji {
namespace {

constexpr char kMagic[8] = {'s', 'h', 'j', 's', 'e', 'c', '0', '1'};

// A file is this, the key (versions, architecture, profile) and the program.
struct Header {
  char magic[8] = {};
  uint32_t key_size = 0;
  uint32_t bpf_size = 0;
  uint64_t flags = 0;
  uint64_t checksum = 0;  // of the rest: a file that a crash or a disk has damaged
};

// A quick mixing hash over 8 bytes at a time (multiply and fold, as wyhash does). It spreads names and finds damage; it
// does not resist an attacker, and nothing relies on that.
uint64_t fold(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t hash(std::string_view text) {
  constexpr uint64_t kPrime1 = 0xa0761d6478bd642fULL;
  constexpr uint64_t kPrime2 = 0xe7037ed1a0b428dbULL;
  uint64_t state = fold(text.size() ^ kPrime1, kPrime2);
  while (!text.empty()) {
    uint64_t word = 0;
    const size_t n = text.size() < sizeof word ? text.size() : sizeof word;
    memcpy(&word, text.data(), n);
    state = fold(state ^ word ^ kPrime1, kPrime2);
    text.remove_prefix(n);
  }
  return state;
}

uint64_t checksum_of(const Header& header, std::string_view body) {
  return hash(body) + header.flags * 0x9e3779b97f4a7c15ULL;
}

// What a program depends on besides the profile.
std::string key_of(std::string_view profile) {
  const scmp_version* library = seccomp_version();
  return cat("shoji ", SHOJI_VERSION, " libseccomp ", library->major, ".", library->minor, ".",
             library->micro, " arch ", seccomp_arch_native(), "\n", profile);
}

std::string name_of(std::string_view key) {
  return cat("filter-", hash(key) % SeccompCache::kFiles);
}

bool is_ours_alone(const struct stat& st) {
  return st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

std::string_view bytes_of(const Header& header) {
  return {reinterpret_cast<const char*>(&header), sizeof header};
}

}  // namespace

Result<SeccompCache> SeccompCache::open(const std::string& directory) {
  TRY(make_directories(directory, 0700));
  TRY_ASSIGN(UniqueFd dir, open_file(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  struct stat st{};
  if (fstat(dir.get(), &st) != 0) return fail_errno(errno, cat("inspect ", quote(directory)));
  if (!is_ours_alone(st)) return fail(Kind::kInvalid, cat(quote(directory), " can be written by others"));
  return SeccompCache(std::move(dir));
}

std::optional<SeccompFilter> SeccompCache::find(std::string_view profile) const {
  if (profile.size() > kMaxProfile) return std::nullopt;
  const std::string key = key_of(profile);
  UniqueFd file(openat(dir_.get(), name_of(key).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat st{};
  if (!file || fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode) || !is_ours_alone(st)) return std::nullopt;
  constexpr size_t kMaxBpf = BPF_MAXINSNS * sizeof(sock_filter);
  const auto size = static_cast<size_t>(st.st_size);
  if (size <= sizeof(Header) + key.size() || size > sizeof(Header) + key.size() + kMaxBpf)
    return std::nullopt;

  std::string text(size, '\0');
  if (read(file.get(), text.data(), size) != static_cast<ssize_t>(size)) return std::nullopt;
  Header header;
  memcpy(&header, text.data(), sizeof header);
  const std::string_view body = std::string_view(text).substr(sizeof header);
  if (memcmp(header.magic, kMagic, sizeof kMagic) != 0 || header.key_size != key.size() ||
      header.bpf_size != body.size() - key.size() || header.bpf_size % sizeof(sock_filter) != 0)
    return std::nullopt;
  if (!body.starts_with(key) || header.checksum != checksum_of(header, body)) return std::nullopt;
  return SeccompFilter{std::string(body.substr(key.size())), static_cast<uint32_t>(header.flags)};
}

Result<> SeccompCache::store(std::string_view profile, const SeccompFilter& filter) const {
  if (profile.size() > kMaxProfile) return {};
  const std::string key = key_of(profile);
  const std::string body = key + filter.program;
  Header header;
  memcpy(header.magic, kMagic, sizeof kMagic);
  header.key_size = static_cast<uint32_t>(key.size());
  header.bpf_size = static_cast<uint32_t>(filter.program.size());
  header.flags = filter.flags;
  header.checksum = checksum_of(header, body);

  const std::string name = name_of(key);
  const std::string temporary = cat(name, ".", getpid(), ".tmp");
  TRY_ASSIGN(UniqueFd file, open_at(dir_.get(), temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  Result<> done = write_all(file.get(), bytes_of(header), temporary);
  if (done) done = write_all(file.get(), body, temporary);
  if (done && renameat(dir_.get(), temporary.c_str(), dir_.get(), name.c_str()) != 0)
    done = fail_errno(errno, cat("rename ", quote(temporary)));
  if (!done) unlinkat(dir_.get(), temporary.c_str(), 0);
  return done;
}

}  // namespace shoji
