#pragma once
// The namespaces of a container: namespaces(7), config-linux.md "Namespaces". Which are new, which are joined
// by path, which are the runtime's own.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "spec/spec.h"

namespace shoji {

struct NamespaceKind {
  std::string_view name;  // in the configuration: "network"
  uint64_t clone_flag;    // CLONE_NEW*
  std::string_view file;  // below /proc/PID/ns: "net"
};

// In the order in which they are joined: user first, because it brings the rights for the others.
std::span<const NamespaceKind> namespace_kinds();
// Null for an unknown name.
const NamespaceKind* find_namespace_kind(std::string_view name);

class NamespaceSet {
 public:
  struct Joined {
    uint64_t clone_flag = 0;
    std::string path;
    UniqueFd fd;
  };

  // Opens the joined namespaces and checks that each is of its type (ioctl_ns(2) NS_GET_NSTYPE). A path that
  // leads to the runtime's own namespace counts as no namespace at all: there is nothing to join, and what is
  // forbidden in the host's namespace is forbidden there. Kernels without a type (ENODEV, EINVAL) refuse with
  // its name.
  static Result<NamespaceSet> open(const Spec& spec);

  // CLONE_NEW* of all that are made for the container.
  [[nodiscard]] uint64_t created() const { return created_; }
  // Joined ones, in joining order.
  [[nodiscard]] const std::vector<Joined>& joined() const { return joined_; }
  [[nodiscard]] bool creates(uint64_t clone_flag) const { return (created_ & clone_flag) != 0; }
  [[nodiscard]] bool joins(uint64_t clone_flag) const { return joined_fd(clone_flag) >= 0; }
  // Made or joined: the container does not share the runtime's.
  [[nodiscard]] bool has(uint64_t clone_flag) const { return creates(clone_flag) || joins(clone_flag); }
  [[nodiscard]] int joined_fd(uint64_t clone_flag) const;  // -1: not joined
  // Gives the joined descriptors up, for who has to keep them open.
  [[nodiscard]] std::vector<UniqueFd> release();

 private:
  uint64_t created_ = 0;
  std::vector<Joined> joined_;
};

}  // namespace shoji
