#pragma once
// Network namespaces that a test makes, and runs parts of itself in.
#include <fcntl.h>
#include <sched.h>

#include <utility>

#include "base/fd.h"
#include "base/io.h"
#include "netsetup/link/requests.h"

namespace shoji::test {

// A namespace that lives as long as the descriptor, with lo up.
inline UniqueFd new_network() {
  UniqueFd home = *open_file("/proc/thread-self/ns/net", O_RDONLY);
  unshare(CLONE_NEWNET);
  UniqueFd made = *open_file("/proc/thread-self/ns/net", O_RDONLY);
  setns(home.get(), CLONE_NEWNET);
  net::RouteSocket socket = *net::RouteSocket::open_in(made.get());
  net::Batch batch;
  net::change_link(batch, net::kLoopbackIndex, {.up = true, .mac = {}, .mtu = {}, .master = {}, .name = {}},
                   "bring up lo");
  ignore(batch.send(socket), "a test in it will tell");
  return made;
}

// Runs `body` with the thread in `netns`.
template <typename Body>
auto inside(int netns, Body body) {
  UniqueFd home = *open_file("/proc/thread-self/ns/net", O_RDONLY);
  setns(netns, CLONE_NEWNET);
  auto result = body();
  setns(home.get(), CLONE_NEWNET);
  return result;
}

}  // namespace shoji::test
