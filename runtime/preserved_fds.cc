#include "runtime/preserved_fds.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace shoji {

namespace {

constexpr uint32_t kFirst = 3;

uint32_t number_in(const char* name) {
  const char* value = getenv(name);
  if (value == nullptr) return 0;
  std::string_view text(value);
  uint32_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

uint32_t listen_fds() {
  return number_in("LISTEN_PID") == static_cast<uint32_t>(getpid()) ? number_in("LISTEN_FDS") : 0;
}

}  // namespace

uint32_t preserved_fds(uint32_t asked) {
  return listen_fds() + asked;
}

Result<> check_preserved_fds(uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    if (fcntl(static_cast<int>(kFirst + i), F_GETFD) < 0)
      return fail(Kind::kInvalid, cat("--preserve-fds: descriptor ", kFirst + i, " is not open"));
  }
  return {};
}

void add_listen_variables(std::vector<std::string>& env) {
  uint32_t count = listen_fds();
  if (count == 0) return;
  env.push_back(cat("LISTEN_FDS=", count));
  // The program is the first process of its pid namespace.
  env.push_back("LISTEN_PID=1");
}

}  // namespace shoji
