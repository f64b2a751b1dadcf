#pragma once
// What is on disk of services (netsetup/service/service_store.h says where).
#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "netsetup/attach/network_store.h"
#include "netsetup/service/definition.h"

namespace shoji::net {

// Written before the kernel is changed: after a kill it says what may be there.
struct ServiceRecord {
  std::vector<PublishedPort> ports;              // claimed, and leading to it: two while it moves
  std::array<std::vector<std::string>, 2> rows;  // of each Family: member_key() of each slot
  std::vector<std::string> unhealthy;            // targets of members
  bool operator==(const ServiceRecord&) const = default;
};

class ServiceFiles {
 public:
  explicit ServiceFiles(NetworkStore store) : store_(std::move(store)) {}
  [[nodiscard]] const NetworkStore& store() const { return store_; }
  [[nodiscard]] std::string lock_directory() const { return store_.run + "/services"; }

  [[nodiscard]] Result<std::vector<std::string>> names() const;
  // Names that a killed verb left a lock of, that have a record and no definition, or (after a boot) the reverse.
  [[nodiscard]] Result<std::set<std::string>> left_over() const;

  [[nodiscard]] Result<ServiceDefinition> definition(const std::string& name) const;  // kNotFound
  [[nodiscard]] Result<> write_definition(const ServiceDefinition& service) const;
  [[nodiscard]] Result<> remove_definition(const std::string& name) const;
  [[nodiscard]] Result<std::optional<ServiceRecord>> record(const std::string& name) const;
  [[nodiscard]] Result<> write_record(const std::string& name, const ServiceRecord& record) const;
  [[nodiscard]] Result<> remove_record(const std::string& name) const;

  // The index from members to services: never less than what the definitions say, at times more.
  [[nodiscard]] Result<> index(const ServiceDefinition& service) const;
  [[nodiscard]] Result<> unindex(const std::string& name, const std::set<std::string>& hosts) const;
  // But for `kept` hosts, in all of the index.
  [[nodiscard]] Result<> sweep_index(const std::string& name, const std::set<std::string>& kept) const;
  [[nodiscard]] Result<std::vector<std::string>> services_of(const std::string& host) const;

 private:
  [[nodiscard]] std::string definition_path(const std::string& name) const;
  [[nodiscard]] std::string record_path(const std::string& name) const;
  [[nodiscard]] std::string members_directory() const { return store_.root + "/services/.members"; }
  NetworkStore store_;
};

// The hosts of its members.
std::set<std::string> member_hosts(const ServiceDefinition& service);

}  // namespace shoji::net
