// Compiled filters on disk. Compiling docker's profile takes milliseconds, reading it back takes microseconds.
//
// The file name is a hash of the profile's text and of everything else the result depends on. A hash can be made to
// collide by who writes the profile, so that the whole text is stored and compared: a wrong filter is never loaded.
#include <fcntl.h>
#include <seccomp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "base/fd.h"
#include "base/io.h"
#include "namespaces/seccomp/filter.h"

namespace shoji {
namespace {

constexpr size_t kLargestEntry = 16U << 20;

uint64_t hash(std::string_view text, uint64_t value) {
  for (char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;  // FNV-1a
  return value;
}

// What stands before the program in a file. Every byte has to be as expected.
std::string header_of(const Seccomp& seccomp) {
  const scmp_version* version = seccomp_version();
  return cat("shoji-seccomp 1 ", SHOJI_VERSION, " ", version->major, ".", version->minor, ".", version->micro, " ",
             seccomp_arch_native(), "\n", seccomp.source, "\n");
}

struct Tail {
  uint64_t check;      // hash of the program
  uint32_t size;
  uint32_t flags;
};

std::string entry_name(std::string_view header) {
  static constexpr char kDigits[] = "0123456789abcdef";
  uint64_t value = hash(header, 0xcbf29ce484222325ULL);
  std::string name;
  for (int i = 0; i < 16; ++i, value >>= 4) name += kDigits[value & 15];
  return name;
}

// Only what this user alone could have written is believed.
bool trusted(const struct stat& st) { return st.st_uid == geteuid() && (st.st_mode & 022) == 0; }

// -1 when the directory is not there or is not ours alone.
UniqueFd open_cache(const std::string& path) {
  UniqueFd dir(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat st {};
  if (dir && (fstat(dir.get(), &st) != 0 || !trusted(st))) dir.reset();
  return dir;
}

std::optional<SeccompFilter> read_entry(int dir, const std::string& name, std::string_view header) {
  UniqueFd file(openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat st {};
  if (!file || fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode) || !trusted(st)) return std::nullopt;
  auto text = read_fd(file.get(), name, kLargestEntry);
  if (!text || !text->starts_with(header) || text->size() < header.size() + sizeof(Tail)) return std::nullopt;
  Tail tail{};
  memcpy(&tail, text->data() + header.size(), sizeof tail);
  std::string_view program = std::string_view(*text).substr(header.size() + sizeof tail);
  if (program.size() != tail.size || program.size() % 8 != 0 || hash(program, tail.flags) != tail.check)
    return std::nullopt;
  return SeccompFilter{std::string(program), tail.flags};
}

Result<> write_entry(const std::string& path, std::string_view header, const SeccompFilter& filter) {
  Tail tail{hash(filter.program, filter.flags), static_cast<uint32_t>(filter.program.size()), filter.flags};
  std::string text(header);
  text.append(reinterpret_cast<const char*>(&tail), sizeof tail);
  text += filter.program;
  return write_file_atomically(path, text, 0600);
}

}  // namespace

Result<SeccompFilter> seccomp_filter(const Seccomp& seccomp, const std::string& cache) {
  if (cache.empty() || seccomp.source.empty()) return compile_seccomp(seccomp);
  std::string header = header_of(seccomp);
  std::string name = entry_name(header);
  UniqueFd dir = open_cache(cache);
  if (dir) {
    if (auto found = read_entry(dir.get(), name, header)) return *found;
  }
  TRY_ASSIGN(SeccompFilter filter, compile_seccomp(seccomp));
  if (!dir) {
    ignore(make_directories(cache, 0700), "without a cache it is only slower");
    dir = open_cache(cache);
  }
  if (dir) ignore(write_entry(cat(cache, "/", name), header, filter), "without a cache it is only slower");
  return filter;
}

}  // namespace shoji
