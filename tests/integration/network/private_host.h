#pragma once
// A host of the test's own: a network namespace that the test lives in while the object does, with a second host behind
// a cable, and directories for what shoji remembers. Nothing of it reaches the machine's own network or mounts. When
// the object goes out of scope everything is released by shoji's verbs, and nothing may be left.
//
//   partitions -- bridges, veths -- the host -- `outside0` 192.0.2.1, 2001:db8::1 == 192.0.2.9, 2001:db8::9 -- outside()
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "tests/integration/bundle.h"
#include "tests/integration/process.h"

namespace shoji::test {

using shoji::UniqueFd;  // of every test that holds a namespace

const std::string& shoji_program();  // SHOJI, else the one that was built

inline constexpr const char* kHost4 = "192.0.2.1";
inline constexpr const char* kHost6 = "2001:db8::1";
inline constexpr const char* kOutside4 = "192.0.2.9";
inline constexpr const char* kOutside6 = "2001:db8::9";

class PrivateHost {
 public:
  PrivateHost();
  ~PrivateHost();
  PrivateHost(const PrivateHost&) = delete;
  PrivateHost& operator=(const PrivateHost&) = delete;

  // `shoji --root ROOT --run RUN ARGUMENTS...`
  [[nodiscard]] Command command(const std::vector<std::string>& arguments) const;
  Finished shoji(const std::vector<std::string>& arguments, double seconds = 20) const;
  // What it printed, without the last newline; the test stops when it does not exit with 0.
  std::string must(const std::vector<std::string>& arguments, double seconds = 20) const;
  // What it said, when it exits with `code`; the test goes on with a failure when it does not.
  std::string refused(const std::vector<std::string>& arguments, int code = 1) const;

  // Descriptors of network namespaces.
  [[nodiscard]] int netns() const { return netns_.get(); }
  [[nodiscard]] int outside() const { return outside_.get(); }
  [[nodiscard]] UniqueFd partition(const std::string& name) const;  // pinned by shoji
  [[nodiscard]] std::string pin(const std::string& name) const { return run() + "/netns/" + name; }

  // A file with this text, to be named on a command line.
  [[nodiscard]] std::string file(const std::string& name, std::string_view text) const;
  [[nodiscard]] std::string root() const { return directory_.path() + "/lib"; }
  [[nodiscard]] std::string run() const { return directory_.path() + "/run"; }
  [[nodiscard]] const std::string& scratch() const { return directory_.path(); }

  // What is there of partitions, services and networks, one line each; what the test made itself is not: interfaces and
  // nft tables whose names begin with "foreign".
  [[nodiscard]] std::string leftovers() const;
  // What is there now and was not when leftovers() said `before` ("+ "), and the other way round ("- ").
  [[nodiscard]] std::string changes_since(const std::string& before) const;
  // Removes every service, releases every partition, removes every network, as an operator would.
  void release_everything() const;

 private:
  TemporaryDirectory directory_;
  UniqueFd home_, netns_, outside_;
};

// A program that has to work: what it printed.
std::string must_run(const Command& command, double seconds = 20);
// nft(8) in the host's namespace.
std::string nft(std::string_view commands);

}  // namespace shoji::test
