#include "netsetup/names/names.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/io.h"
#include "base/path.h"
#include "netsetup/names/hosts_text.h"

namespace shoji::net {

namespace {

constexpr size_t kResolvConfLimit = 1 << 20;

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  while (true) {
    size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return out;
    line.remove_prefix(begin);
    size_t end = std::min(line.find_first_of(" \t\r"), line.size());
    out.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

// In place: the file is bound into the partition, where a rename would not be seen. Readers may meet a moment of half a
// file, so the new text goes over the old one in a single write, and the rest is cut off after it.
Result<> write_in_place(const std::string& path, std::string_view text) {
  TRY_ASSIGN(UniqueFd file, open_file(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644));
  if (fchmod(file.get(), 0644) != 0)
    return fail_errno(errno, cat("make ", quote(path), " readable"));  // whatever the umask
  TRY(write_all(file.get(), text, path));
  if (ftruncate(file.get(), static_cast<off_t>(text.size())) != 0)
    return fail_errno(errno, cat("shorten ", quote(path)));
  return {};
}

std::string resolv_text(const ResolverFiles& files) {
  std::string out;
  auto add_line = [&](std::string_view key, const std::vector<std::string>& words) {
    if (words.empty()) return;
    out += key;
    for (const std::string& word : words) out += cat(' ', word);
    out += '\n';
  };
  for (const Address& server : files.dns) out += cat("nameserver ", server.text(), '\n');
  add_line("search", files.search);
  add_line("options", files.options);
  return out;
}

}  // namespace

Result<> write_resolver_files(const std::string& directory, const ResolverFiles& files) {
  TRY(check_host_name(files.hostname));
  TRY(make_directories(directory, 0755));
  TRY(write_in_place(join_path(directory, "hostname"), files.hostname + "\n"));
  return write_in_place(join_path(directory, "resolv.conf"), resolv_text(files));
}

Result<ResolverFiles> read_resolv_conf(const std::string& path) {
  ResolverFiles out;
  Result<std::string> text = read_file(path, kResolvConfLimit);
  if (!text && text.error().kind == Kind::kNotFound) return out;
  if (!text) return Failure(text.error());
  std::string_view rest = *text;
  while (!rest.empty()) {
    size_t end = std::min(rest.find('\n'), rest.size());
    std::vector<std::string_view> words = words_of(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (words.size() < 2 || words[0].starts_with('#') || words[0].starts_with(';')) continue;
    std::vector<std::string> values(words.begin() + 1, words.end());
    if (words[0] == "nameserver") {
      // A resolver on the host's own loopback (systemd-resolved, dnsmasq) is not reachable from a partition's network.
      if (Result<Address> server = Address::parse(values[0]); server && !server->is_loopback())
        out.dns.push_back(*server);
    } else if (words[0] == "search" || words[0] == "domain") {
      out.search = std::move(values);  // resolv.conf(5): the last one counts
    } else if (words[0] == "options") {
      out.options.insert(out.options.end(), values.begin(), values.end());
    }
  }
  return out;
}

}  // namespace shoji::net
