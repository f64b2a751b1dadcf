#pragma once
// A store and a configuration of the test's own in a fresh directory of a real file system, and shoji's verbs on them.
// When it goes out of scope what is mounted below it is taken off and all is removed.
#include <string>
#include <vector>

#include "tests/integration/bundle.h"
#include "tests/integration/process.h"

namespace shoji::test {

const std::string& shoji_program();  // SHOJI, else the one that was built

class Workshop {
 public:
  Workshop();
  ~Workshop();
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  // `shoji --store STORE --config CONFIG ARGUMENTS...`
  [[nodiscard]] Command command(const std::vector<std::string>& arguments) const;
  Finished shoji(const std::vector<std::string>& arguments, double seconds = 120) const;
  // What it printed, without the last newline; the test stops when it does not exit with 0.
  std::string must(const std::vector<std::string>& arguments, double seconds = 120) const;
  // What it said, when it exits with `code`; the test goes on with a failure when it does not.
  std::string refused(const std::vector<std::string>& arguments, int code = 1) const;

  // A value of the configuration file, by JSON pointer: set("/registries/127.0.0.1:5000/insecure", "true").
  // A '/' inside of a key is "~1".
  void set(std::string_view pointer, std::string_view json) const;

  // Runs a program in a directory tree, with shoji-oci and a bundle made up for it: what it printed, and when it does
  // not exit with 0 that and its stderr too.
  [[nodiscard]] std::string run_in(const std::string& root, const std::vector<std::string>& argv) const;

  [[nodiscard]] std::string store() const { return directory_.path() + "/store"; }
  [[nodiscard]] std::string config_file() const { return directory_.path() + "/images.json"; }
  [[nodiscard]] const std::string& scratch() const { return directory_.path(); }
  [[nodiscard]] std::string layout() const { return directory_.path() + "/layout"; }  // for make_image()

 private:
  TemporaryDirectory directory_;
};

}  // namespace shoji::test
