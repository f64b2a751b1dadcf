#include "tests/integration/network/private_host.h"

#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/io.h"
#include "netsetup/link/requests.h"
#include "tests/catch.h"
#include "tests/integration/wait.h"
#include "tests/netsetup/namespaces.h"

namespace shoji::test {

namespace {

namespace fs = std::filesystem;
using net::Address;
using net::Prefix;

void need(const Result<>& result) {
  INFO((result ? "" : result.error().text));
  REQUIRE(result);
}

// Pins are mounts: nobody else is to see them, and they go when the test is killed.
void leave_the_machines_mounts() {
  static bool done = false;
  if (done) return;
  REQUIRE(unshare(CLONE_NEWNS) == 0);
  REQUIRE(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
  done = true;
}

// The addresses of one end of the cable; `gateways` are the other end's.
void configure(int netns, const char* interface, const std::vector<const char*>& addresses,
               const std::vector<const char*>& gateways) {
  net::RouteSocket socket = *net::RouteSocket::open_in(netns);
  Result<int> index = socket.index_of(interface);
  REQUIRE(index);
  net::Batch batch;
  net::change_link(batch, *index, {.up = true, .mac = {}, .mtu = {}, .master = {}, .name = {}},
                   "bring it up");
  for (const char* address : addresses) net::add_address(batch, *index, *Prefix::parse(address));
  for (const char* gateway : gateways) {
    bool four = Address::parse(gateway)->family() == net::Family::kIpv4;
    net::add_route(
        batch, *index,
        {.destination = *Prefix::parse(four ? "0.0.0.0/0" : "::/0"), .gateway = *Address::parse(gateway)});
  }
  need(batch.send(socket));
}

std::string command_line(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

bool is_file(const fs::directory_entry& entry) {
  return !entry.is_directory();
}

// Names of the entries of a directory, but for locks; none when it is not there.
std::vector<std::string> entries(const std::string& directory) {
  std::vector<std::string> out;
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator(directory, gone))
    if (std::string name = entry.path().filename(); !name.starts_with('.')) out.push_back(name);
  return out;
}

std::string files_below(const std::string& directory) {
  std::string out;
  std::error_code gone;
  for (const auto& entry : fs::recursive_directory_iterator(directory, gone)) {
    std::string name = entry.path().filename();
    // Locks, and what one of a fixed name is written to before it is moved to its place.
    bool is_lock = name.starts_with('.') || name.ends_with(".lock");
    // What partitions have sent and received is remembered for when they come back.
    bool is_usage = entry.path().parent_path().filename() == "usage" || name == "quota-month";
    bool is_hint = name.starts_with("next-");  // where to look for a free address
    // A file of names that nobody is in.
    bool is_blank = is_file(entry) && words(read_text(entry.path())).empty();
    if (is_file(entry) && !is_lock && !is_usage && !is_hint && !is_blank)
      out += "file " + entry.path().string() + "\n";
  }
  return out;
}

std::string links() {
  std::string out;
  std::ifstream table("/proc/thread-self/net/dev");
  for (std::string line; std::getline(table, line);) {
    size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string name = words(line.substr(0, colon)).at(0);
    if (name != "lo" && name != "outside0" && !name.starts_with("foreign")) out += "link " + name + "\n";
  }
  return out;
}

std::string mounts_below(const std::string& directory) {
  std::string out;
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    std::vector<std::string> field = words(line);
    if (field.size() > 4 && field[4].starts_with(directory)) out += "mount " + field[4] + "\n";
  }
  return out;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) out.push_back(line);
  return out;
}

// Elements and chains of partitions and services; the empty table itself may stay until the next boot.
std::string firewall_entries() {
  std::string out, table;
  bool inside = false;  // of a list of elements
  for (const std::string& line : lines_of(nft("list ruleset"))) {
    if (line.starts_with("table ")) table = words(line).at(2);
    if (table.starts_with("foreign")) continue;
    bool goes_on = inside;
    inside = (inside || line.find("elements = ") != std::string::npos) && line.find('}') == std::string::npos;
    if (goes_on) out += "nft " + table + ":" + line + "\n";
    for (std::string_view mark :
         {"elements = ", "chain guard_", "chain to_", "chain from_", "chain service_", "map slots_"})
      if (line.find(mark) != std::string::npos) out += "nft " + table + ":" + line + "\n";
  }
  return out;
}

}  // namespace

const std::string& shoji_program() {
  static const std::string path = getenv("SHOJI") != nullptr ? getenv("SHOJI") : SHOJI_BUILT;
  return path;
}

PrivateHost::PrivateHost() {
  become_subreaper();
  leave_the_machines_mounts();
  home_ = *open_file("/proc/thread-self/ns/net", O_RDONLY);
  netns_ = new_network();
  outside_ = new_network();
  REQUIRE(setns(netns_.get(), CLONE_NEWNET) == 0);
  net::RouteSocket socket = *net::RouteSocket::open();
  net::Batch batch;
  net::add_veth(batch, {.name = "outside0", .mac = {}}, {.name = "eth0", .mac = {}, .netns = outside_.get()},
                {});
  need(batch.send(socket));
  configure(netns_.get(), "outside0", {"192.0.2.1/24", "2001:db8::1/64"}, {});
  configure(outside_.get(), "eth0", {"192.0.2.9/24", "2001:db8::9/64"}, {kHost4, kHost6});
}

PrivateHost::~PrivateHost() {
  release_everything();
  // The kernel takes the interfaces of a namespace away after it is gone.
  eventually([&] { return leftovers().empty(); }, 10);
  std::string left = leftovers();
  if (!left.empty()) FAIL_CHECK("left behind:\n" << left);
  setns(home_.get(), CLONE_NEWNET);
}

Command PrivateHost::command(const std::vector<std::string>& arguments) const {
  Command c;
  c.argv = {shoji_program(), "--root", root(), "--run", run()};
  c.argv.insert(c.argv.end(), arguments.begin(), arguments.end());
  return c;
}

Finished PrivateHost::shoji(const std::vector<std::string>& arguments, double seconds) const {
  return run_command(command(arguments), seconds);
}

std::string PrivateHost::must(const std::vector<std::string>& arguments, double seconds) const {
  return must_run(command(arguments), seconds);
}

std::string PrivateHost::refused(const std::vector<std::string>& arguments, int code) const {
  Finished done = shoji(arguments);
  INFO(command_line(arguments));
  INFO(done.out);
  INFO(done.err);
  CHECK(done.code == code);
  return done.err;
}

UniqueFd PrivateHost::partition(const std::string& name) const {
  Result<UniqueFd> opened = open_file(pin(name), O_RDONLY);
  INFO((opened ? "" : opened.error().text));
  REQUIRE(opened);
  return std::move(*opened);
}

std::string PrivateHost::file(const std::string& name, std::string_view text) const {
  std::string path = scratch() + "/" + name;
  write_text(path, text);
  return path;
}

std::string PrivateHost::leftovers() const {
  std::string out = inside(netns_.get(), [] { return links() + firewall_entries(); });
  out += files_below(run()) + files_below(root()) + mounts_below(scratch());
  reap_orphans();
  for (pid_t pid : living_children()) out += "process " + std::to_string(pid) + "\n";
  return out;
}

std::string PrivateHost::changes_since(const std::string& before) const {
  std::string now = leftovers(), out;
  auto tell = [&](const char* sign, const std::vector<std::string>& lines,
                  const std::vector<std::string>& others) {
    for (const std::string& line : lines)
      if (std::ranges::find(others, line) == others.end()) out += sign + line + "\n";
  };
  tell("- ", lines_of(before), lines_of(now));
  tell("+ ", lines_of(now), lines_of(before));
  return out;
}

void PrivateHost::release_everything() const {
  auto remove = [&](std::vector<std::string> verb, const std::vector<std::string>& names) {
    if (names.empty()) return;
    verb.insert(verb.end(), names.begin(), names.end());
    Finished done = shoji(verb, 60);
    if (done.code != 0) FAIL_CHECK(command_line(verb) << " exited with " << done.code << ": " << done.err);
  };
  for (std::string name : entries(root() + "/services"))
    if (name.ends_with(".json")) remove({"service", "rm"}, {name.substr(0, name.size() - 5)});
  std::vector<std::string> partitions = entries(run() + "/netns");
  for (const std::string& name : entries(run() + "/attachments"))
    if (std::ranges::find(partitions, name) == partitions.end()) partitions.push_back(name);
  remove({"network", "release"}, partitions);
  remove({"network", "rm"}, entries(root() + "/networks"));
}

std::string must_run(const Command& command, double seconds) {
  Finished done = run_command(command, seconds * time_factor());
  if (done.code != 0)
    FAIL(command_line(command.argv) << " exited with " << done.code << ": " << done.err << done.out);
  if (done.out.ends_with('\n')) done.out.pop_back();
  return done.out;
}

std::string nft(std::string_view commands) {
  Command c;
  c.argv = {"/usr/sbin/nft", "-f", "-"};
  c.input = std::string(commands) + "\n";
  return must_run(c);
}

}  // namespace shoji::test
