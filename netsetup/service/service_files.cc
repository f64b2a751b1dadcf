#include "netsetup/service/service_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/io.h"
#include "base/json.h"

namespace shoji::net {

namespace {

constexpr size_t kDocumentLimit = 1 << 20;  // bytes
constexpr std::string_view kDocument = ".json", kLock = ".lock", kNew = ".json.new";

// Entries but those that begin with a dot; none when there is no such directory.
Result<std::vector<std::string>> list_directory(const std::string& path) {
  std::vector<std::string> out;
  std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(path.c_str()), closedir);
  if (!entries && errno == ENOENT) return out;
  if (!entries) return fail_errno(errno, cat("list ", quote(path)));
  while (const dirent* entry = readdir(entries.get()))
    if (entry->d_name[0] != '.') out.emplace_back(entry->d_name);
  std::ranges::sort(out);
  return out;
}

std::set<std::string> ending_in(const std::vector<std::string>& names, std::string_view end) {
  std::set<std::string> out;
  for (const std::string& name : names)
    if (name.ends_with(end)) out.insert(name.substr(0, name.size() - end.size()));
  return out;
}

Result<> unlink_file(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return fail_errno(errno, cat("remove ", quote(path)));
}

// Under the service's lock nobody else writes it, so what a killed writer left is overwritten.
Result<> write_document(const std::string& directory, const std::string& name, std::string_view text,
                        bool durable) {
  TRY(make_directories(directory, 0755));
  std::string made = cat(directory, '/', name, kNew), path = cat(directory, '/', name, kDocument);
  TRY_ASSIGN(UniqueFd fd, open_file(made, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644));
  TRY(write_all(fd.get(), text, made));
  if (durable && fsync(fd.get()) != 0) return fail_errno(errno, cat("write ", quote(made), " to disk"));
  if (rename(made.c_str(), path.c_str()) != 0)
    return fail_errno(errno, cat("rename ", quote(made), " to ", quote(path)));
  return {};
}

Result<std::vector<std::string>> read_strings(Json array) {
  std::vector<std::string> out;
  out.reserve(array.size());
  for (Json item = array.first(); item.exists(); item = item.next()) {
    TRY_ASSIGN(std::string_view text, item.as_string());
    out.emplace_back(text);
  }
  return out;
}

constexpr std::string_view kRowKeys[] = {"slots4", "slots6"};  // of each Family

}  // namespace

std::set<std::string> member_hosts(const ServiceDefinition& service) {
  std::set<std::string> out;
  for (const ServiceMemberDefinition& member : service.members)
    if (Result<MemberTarget> target = parse_member_target(member.target)) out.insert(target->host());
  return out;
}

std::string ServiceFiles::definition_path(const std::string& name) const {
  return cat(store_.root, "/services/", name, kDocument);
}
std::string ServiceFiles::record_path(const std::string& name) const {
  return cat(store_.run, "/services/", name, kDocument);
}

Result<std::vector<std::string>> ServiceFiles::names() const {
  TRY_ASSIGN(std::vector<std::string> entries, list_directory(store_.root + "/services"));
  std::set<std::string> names = ending_in(entries, kDocument);
  return std::vector<std::string>(names.begin(), names.end());
}

Result<std::set<std::string>> ServiceFiles::left_over() const {
  TRY_ASSIGN(std::vector<std::string> lasting, list_directory(store_.root + "/services"));
  TRY_ASSIGN(std::vector<std::string> passing, list_directory(lock_directory()));
  std::set<std::string> defined = ending_in(lasting, kDocument), recorded = ending_in(passing, kDocument);
  std::set<std::string> out = ending_in(passing, kLock);
  std::ranges::set_symmetric_difference(defined, recorded, std::inserter(out, out.end()));
  return out;
}

Result<ServiceDefinition> ServiceFiles::definition(const std::string& name) const {
  TRY(check_service_name(name));  // a name, not a path
  std::string path = definition_path(name);
  Result<std::string> text = read_file(path, kDocumentLimit);
  if (!text && text.error().kind == Kind::kNotFound)
    return fail(Kind::kNotFound, cat("there is no service ", quote(name)));
  if (!text) return Failure(text.error());
  TRY_ASSIGN(ServiceDefinition out, parse_service(std::move(*text), path));
  if (out.name != name)
    return fail(Kind::kInvalid, cat(path, ": /name: ", quote(out.name), " is not the name of the file"));
  return out;
}

Result<> ServiceFiles::write_definition(const ServiceDefinition& service) const {
  return write_document(store_.root + "/services", service.name, print_service(service), true);
}

Result<> ServiceFiles::remove_definition(const std::string& name) const {
  TRY(unlink_file(cat(store_.root, "/services/", name, kNew)));
  return unlink_file(definition_path(name));
}

Result<std::optional<ServiceRecord>> ServiceFiles::record(const std::string& name) const {
  std::string path = record_path(name);
  Result<std::string> text = read_file(path, kDocumentLimit);
  if (!text && text.error().kind == Kind::kNotFound) return std::nullopt;
  if (!text) return Failure(text.error());
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(*text), path));
  ServiceRecord out;
  TRY_ASSIGN(std::vector<std::string> ports, read_strings(document.root().find("ports")));
  for (const std::string& port : ports) {
    TRY_ASSIGN(PublishedPort parsed, parse_service_port(port));
    out.ports.push_back(parsed);
  }
  for (size_t i = 0; i < out.rows.size(); ++i) {
    TRY_ASSIGN(out.rows[i], read_strings(document.root().find(kRowKeys[i])));
  }
  TRY_ASSIGN(out.unhealthy, read_strings(document.root().find("unhealthy")));
  return out;
}

Result<> ServiceFiles::write_record(const std::string& name, const ServiceRecord& record) const {
  JsonWriter out;
  auto list = [&](std::string_view key, const std::vector<std::string>& items) {
    out.key(key).begin_array();
    for (const std::string& item : items) out.value(item);
    out.end_array();
  };
  std::vector<std::string> ports;
  for (const PublishedPort& port : record.ports) ports.push_back(print_service_port(port));
  out.begin_object();
  list("ports", ports);
  for (size_t i = 0; i < record.rows.size(); ++i) list(kRowKeys[i], record.rows[i]);
  list("unhealthy", record.unhealthy);
  out.end_object();
  return write_document(lock_directory(), name, out.take(), false);
}

Result<> ServiceFiles::remove_record(const std::string& name) const {
  TRY(unlink_file(cat(lock_directory(), '/', name, kNew)));
  return unlink_file(record_path(name));
}

Result<> ServiceFiles::index(const ServiceDefinition& service) const {
  for (const std::string& host : member_hosts(service)) {
    std::string directory = cat(members_directory(), '/', host), path = cat(directory, '/', service.name);
    // Another service that leaves may remove the directory before there is something in it.
    for (int attempts = 100;; --attempts) {
      TRY(make_directories(directory, 0755));
      Result<UniqueFd> made = open_file(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644);
      if (made) break;
      if (made.error().err != ENOENT || attempts == 0) return Failure(made.error());
    }
  }
  return {};
}

Result<> ServiceFiles::unindex(const std::string& name, const std::set<std::string>& hosts) const {
  for (const std::string& host : hosts) {
    std::string directory = cat(members_directory(), '/', host);
    TRY(unlink_file(cat(directory, '/', name)));
    if (rmdir(directory.c_str()) != 0 && errno != ENOENT && errno != ENOTEMPTY)
      return fail_errno(errno, cat("remove ", quote(directory)));
  }
  return {};
}

Result<> ServiceFiles::sweep_index(const std::string& name, const std::set<std::string>& kept) const {
  TRY_ASSIGN(std::vector<std::string> hosts, list_directory(members_directory()));
  std::set<std::string> others(hosts.begin(), hosts.end());
  for (const std::string& host : kept) others.erase(host);
  return unindex(name, others);
}

Result<std::vector<std::string>> ServiceFiles::services_of(const std::string& host) const {
  return list_directory(cat(members_directory(), '/', host));
}

}  // namespace shoji::net
