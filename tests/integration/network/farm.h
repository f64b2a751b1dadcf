#pragma once
// A private host with one network, and partitions on it that serve.
#include <map>
#include <string>
#include <vector>

#include "tests/integration/network/peers.h"
#include "tests/integration/network/private_host.h"

namespace shoji::test {

using Words = std::vector<std::string>;

class Farm {
 public:
  // Network "farm" with 10.7.0.0/24 and fd07::/64.
  explicit Farm(const std::string& kind = "bridge", const Words& options = {});

  // Attached and served on 80, 81 and 53/udp: the namespace.
  int add(const std::string& partition, const Words& options = {});
  // `network attach --make OPTIONS PARTITION farm` alone.
  void attach(const std::string& partition, const Words& options = {}) const;
  [[nodiscard]] int netns(const std::string& partition) const { return netns_.at(partition).get(); }
  // The server dies and the namespace is not held any more, so that it can go.
  void stop(const std::string& partition);

  // How often each answered of `count` new connections.
  [[nodiscard]] std::map<std::string, int> answers(int netns, const std::string& address, int port,
                                                   int count) const;

  PrivateHost host;  // NOLINT(misc-non-private-member-variables-in-classes): the subject of every test

 private:
  std::map<std::string, UniqueFd> netns_;
  std::map<std::string, Server> servers_;
};

Words operator+(Words a, const Words& b);

}  // namespace shoji::test
