#include "netsetup/names/hosts_text.h"

#include <algorithm>
#include <cstring>

namespace shoji::net {

namespace {

constexpr std::string_view kNetworksMark = "# networks";
constexpr std::string_view kServiceMark = " #service";
constexpr std::string_view kBlankBegin = "\n#  ";
constexpr size_t kWorthClosing = 4096;  // bytes; smaller files stay as they are

// What follows the address in a line of `name`. Names have no blanks, so that it is found nowhere else.
std::string ending_of(const NetworkName& name) {
  return cat(' ', name.name, ' ', name.name, '.', name.network,
             name.owner == NameOwner::kService ? kServiceMark : "");
}

// memmem(3), which takes large steps where std::string::find stops at each blank.
size_t find_text(std::string_view text, std::string_view what, size_t from) {
  if (from >= text.size()) return std::string_view::npos;
  const void* found = memmem(text.data() + from, text.size() - from, what.data(), what.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

void blank_out(std::string& text, std::string_view ending) {
  for (size_t at = find_text(text, ending, 0); at != std::string::npos;
       at = find_text(text, ending, at + 1)) {
    size_t end = text.find('\n', at);
    if (end == std::string::npos) end = text.size();
    // A longer line may begin like this one, as a service's does; what follows a shorter one are blanks.
    size_t rest = text.find_first_not_of(' ', at + ending.size());
    if (rest < end) continue;
    size_t begin = text.rfind('\n', at) + 1;
    std::fill(text.begin() + static_cast<ptrdiff_t>(begin), text.begin() + static_cast<ptrdiff_t>(end), ' ');
    text[begin] = '#';
  }
}

// Where a line of `size` characters can go: over one of blanks.
size_t find_blank(std::string_view text, size_t size) {
  for (size_t at = find_text(text, kBlankBegin, 0); at != std::string_view::npos;
       at = find_text(text, kBlankBegin, at + 1)) {
    size_t end = text.find('\n', at + 1);
    if (end != std::string_view::npos && end - at - 1 >= size) return at + 1;
  }
  return std::string_view::npos;
}

void put_line(std::string& text, const std::string& line) {
  size_t at = find_blank(text, line.size());
  if (at == std::string::npos) {
    text += line;
    text += '\n';
    return;
  }
  size_t end = text.find('\n', at);
  std::fill(text.begin() + static_cast<ptrdiff_t>(at), text.begin() + static_cast<ptrdiff_t>(end), ' ');
  text.replace(at, line.size(), line);
}

}  // namespace

Result<> check_host_name(std::string_view name) {
  auto is_bad = [](char c) { return c <= ' ' || c == 0x7f || c == '#'; };
  if (name.empty() || std::ranges::any_of(name, is_bad))
    return fail(Kind::kInvalid,
                cat("host name ", quote(name), " is empty or has a blank, a control character or #"));
  if (name.starts_with('.') || name.contains('/'))
    return fail(Kind::kInvalid, cat("host name ", quote(name), " begins with a dot or has a slash"));
  return {};
}

std::string hosts_beginning(const std::vector<std::string>& networks) {
  std::string out(kNetworksMark);
  for (const std::string& network : networks) out += cat(' ', network);
  return out + "\n127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
}

std::vector<std::string> networks_of(std::string_view text) {
  std::vector<std::string> out;
  if (!text.starts_with(kNetworksMark)) return out;
  std::string_view line = text.substr(0, text.find('\n'));
  line.remove_prefix(std::min(kNetworksMark.size() + 1, line.size()));
  while (!line.empty()) {
    size_t end = std::min(line.find(' '), line.size());
    out.emplace_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return out;
}

void mend_end(std::string& text) {
  if (!text.ends_with('\n')) text.resize(text.rfind('\n') + 1);
}

void close_gaps(std::string& text) {
  if (text.size() < kWorthClosing) return;
  std::string closed;
  closed.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    if (std::string_view line(text.data() + at, end - at); !line.starts_with(kBlankBegin.substr(1)))
      closed += line;
    at = end;
  }
  if (closed.size() < text.size() / 2) text = std::move(closed);
}

void put_name(std::string& text, const NetworkName& name, const std::vector<Address>& addresses) {
  std::string ending = ending_of(name);
  blank_out(text, ending);
  for (const Address& address : addresses) put_line(text, address.text() + ending);
}

Difference difference(std::string_view before, std::string_view after) {
  size_t shorter = std::min(before.size(), after.size());
  size_t first = static_cast<size_t>(
      std::mismatch(after.begin(), after.begin() + static_cast<ptrdiff_t>(shorter), before.begin()).first -
      after.begin());
  size_t end = after.size();
  if (before.size() == after.size())
    while (end > first && before[end - 1] == after[end - 1]) --end;
  return {first, after.substr(first, end - first)};
}

}  // namespace shoji::net
