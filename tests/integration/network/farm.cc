#include "tests/integration/network/farm.h"

namespace shoji::test {

Words operator+(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Farm::Farm(const std::string& kind, const Words& options) {
  host.must(Words{"network", "create", "--kind", kind, "--subnet", "10.7.0.0/24", "--subnet", "fd07::/64"} +
            options + Words{"farm"});
}

void Farm::attach(const std::string& partition, const Words& options) const {
  host.must(Words{"network", "attach", "--make"} + options + Words{partition, "farm"});
}

int Farm::add(const std::string& partition, const Words& options) {
  attach(partition, options);
  int netns = netns_.insert_or_assign(partition, host.partition(partition)).first->second.get();
  servers_.erase(partition);
  servers_.emplace(std::piecewise_construct, std::forward_as_tuple(partition),
                   std::forward_as_tuple(netns, partition, Words{"80", "81", "53/udp"}));
  return netns;
}

void Farm::stop(const std::string& partition) {
  servers_.erase(partition);
  netns_.erase(partition);
}

std::map<std::string, int> Farm::answers(int netns, const std::string& address, int port, int count) const {
  std::map<std::string, int> out;
  for (int i = 0; i < count; ++i) {
    std::string answer = ask(netns, address, port);
    ++out[answer.substr(0, answer.find(' '))];
  }
  return out;
}

}  // namespace shoji::test
