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

std::string read_inside(int root, const char* path) {
  UniqueFd file = open_inside(root, path);
  if (!file) return {};
  return read_fd(file.get(), path, kLongestFile).value_or("");
}

// Calls `each` with every line until it returns true.
template <typename Each>
bool find_line(std::string_view text, Each each) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (each(line)) return true;
  }
  return false;
}

std::optional<uint32_t> number(std::string_view digits) {
  uint32_t out = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return out;
}

// Name and numbers of a user: a line of passwd(5) for the name, or else the number itself.
Result<std::string> find_passwd(const std::string& passwd, std::string_view user, FoundUser& out) {
  std::string name(user);
  std::optional<uint32_t> uid = number(user);
  bool found = find_line(passwd, [&](std::string_view line) {
    std::optional<uint32_t> line_uid = number(field(line, 2)), line_gid = number(field(line, 3));
    if (!line_uid || !line_gid || (field(line, 0) != user && line_uid != uid)) return false;
    name = field(line, 0);
    out.uid = *line_uid;
    out.gid = *line_gid;
    return true;
  });
  if (found) return name;
  if (!uid) return fail(Kind::kNotFound, cat("there is no user ", quote(user), " in /etc/passwd"));
  out.uid = *uid;
  return std::string();
}

bool is_member(std::string_view members, std::string_view name) {
  while (!members.empty()) {
    std::string_view member = members.substr(0, members.find(','));
    if (member == name) return true;
    members.remove_prefix(std::min(members.size(), member.size() + 1));
  }
  return false;
}

}  // namespace

Result<FoundUser> find_user(int root, std::string_view text) {
  FoundUser out;
  size_t colon = text.find(':');
  std::string_view user = text.substr(0, colon);
  TRY_ASSIGN(std::string name, find_passwd(read_inside(root, "etc/passwd"), user.empty() ? "0" : user, out));
  std::string groups = read_inside(root, "etc/group");
  if (colon == std::string_view::npos) {
    // A group that was not asked for by name comes with those that list the user.
    if (!name.empty())
      find_line(groups, [&](std::string_view line) {
        std::optional<uint32_t> gid = number(field(line, 2));
        if (gid && *gid != out.gid && is_member(field(line, 3), name)) out.groups.push_back(*gid);
        return false;
      });
    return out;
  }
  std::string_view group = text.substr(colon + 1);
  bool found = find_line(groups, [&](std::string_view line) {
    std::optional<uint32_t> gid = number(field(line, 2));
    if (!gid || field(line, 0) != group) return false;
    out.gid = *gid;
    return true;
  });
  if (found) return out;
  std::optional<uint32_t> gid = number(group);
  if (!gid) return fail(Kind::kNotFound, cat("there is no group ", quote(group), " in /etc/group"));
  out.gid = *gid;
  return out;
}

std::optional<std::string> home_of(int root, uint32_t uid) {
  std::optional<std::string> out;
  find_line(read_inside(root, "etc/passwd"), [&](std::string_view line) {
    std::string_view home = field(line, 5);
    if (number(field(line, 2)) != uid || home.empty()) return false;
    out = home;
    return true;
  });
  return out;
}

void add_home(std::vector<std::string>& env, int root, uint32_t uid) {
  auto is_home = [](const std::string& variable) { return variable.starts_with("HOME="); };
  auto last = std::find_if(env.rbegin(), env.rend(), is_home);
  if (last != env.rend() && *last != "HOME=") return;
  std::erase_if(env, is_home);
  env.push_back(cat("HOME=", home_of(root, uid).value_or("/")));
}

}  // namespace shoji
