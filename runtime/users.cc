#include "runtime/users.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/fd.h"
#include "base/io.h"

namespace shoji {
namespace {

constexpr size_t kLongestFile = 1 << 20;  // an image's passwd is not trusted to be small

// Field number `index` of a line "a:b:c".
std::string_view field(std::string_view line, int index) {
  while (index-- > 0) {
    size_t colon = line.find(':');
    if (colon == std::string_view::npos) return {};
    line.remove_prefix(colon + 1);
  }
  return line.substr(0, line.find(':'));
}

UniqueFd open_inside(int root, const char* path) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;  // a FIFO under this name must not hold us
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return UniqueFd(static_cast<int>(syscall(SYS_openat2, root, path, &how, sizeof how)));
}

}  // namespace

std::optional<std::string> home_of(int root, uint32_t uid) {
  UniqueFd file = open_inside(root, "etc/passwd");
  if (!file) return std::nullopt;
  auto text = read_fd(file.get(), "etc/passwd", kLongestFile);
  if (!text) return std::nullopt;
  std::string_view rest = *text;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    std::string_view digits = field(line, 2);
    uint32_t found = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), found);
    if (error != std::errc() || end != digits.data() + digits.size() || found != uid) continue;
    std::string_view home = field(line, 5);
    if (!home.empty()) return std::string(home);
  }
  return std::nullopt;
}

void add_home(std::vector<std::string>& env, int root, uint32_t uid) {
  auto is_home = [](const std::string& variable) { return variable.starts_with("HOME="); };
  auto last = std::find_if(env.rbegin(), env.rend(), is_home);
  if (last != env.rend() && *last != "HOME=") return;
  std::erase_if(env, is_home);
  env.push_back(cat("HOME=", home_of(root, uid).value_or("/")));
}

}  // namespace shoji
