#pragma once
// One container under test: a bundle, a private state directory, an id, and the runtime's verbs on them. When
// it goes out of scope, `delete --force` must succeed and nothing may be left behind.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/bundle.h"
#include "tests/integration/process.h"

namespace shoji::test {

using Arguments = std::vector<std::string>;

const std::string& runtime_program();  // SHOJI_OCI, else the one that was built
bool runtime_is_runc();                // the tests themselves are checked against runc

class Sandbox {
 public:
  Sandbox();
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

 private:
  TemporaryDirectory directory_;  // before the bundle inside it

 public:
  Bundle bundle;  // NOLINT(misc-non-private-member-variables-in-classes): the subject of every test

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] std::string cgroup() const { return "/" + id_; }  // linux.cgroupsPath
  [[nodiscard]] std::string state_dir() const { return directory_.path() + "/state"; }
  [[nodiscard]] const std::string& scratch() const { return directory_.path(); }

  // Any verb: `--root` is put before it. spawn() leaves it in the background.
  Finished runtime(const Arguments& arguments, double seconds = 20);
  Process spawn(const Arguments& arguments);
  [[nodiscard]] Command command(const Arguments& arguments);

  // Verbs on this container. Flags go between the verb and the id.
  Finished run(const Arguments& flags = {});
  Process spawn_run(const Arguments& flags = {});
  // What `run` printed on stdout; when its exit code is not 0, that and its stderr too.
  std::string outcome(const Arguments& flags = {});
  Finished create(const Arguments& flags = {});
  Finished start() { return runtime({"start", id_}); }
  Finished kill(const std::string& signal) { return runtime({"kill", id_, signal}); }
  Finished remove(const Arguments& flags = {});
  Finished exec(std::string_view probe_commands, const Arguments& flags = {});

  // create and start; the test stops if either is refused. The program's output is output().
  void launch(const Arguments& create_flags = {});
  [[nodiscard]] std::string output() const;  // what the created container printed so far
  [[nodiscard]] bool prints(std::string_view text, double seconds = 5) const;  // waits for it

  [[nodiscard]] std::string state(std::string_view pointer);  // a member of `state`'s document, "" if refused
  [[nodiscard]] std::string status() { return state("/status"); }
  [[nodiscard]] pid_t pid();
  [[nodiscard]] bool becomes(std::string_view status, double seconds = 5);
  std::optional<int> exit_code(double seconds = 5);  // of the container's program after launch()

  // What of this container is still in the system, one line each. Zombies are not counted: their parent is
  // us.
  [[nodiscard]] std::string leftovers() const;

 private:
  void clean_up();
  std::string id_;
  std::optional<Process> creator_;
  pid_t pid_ = 0;
  bool used_ = false;
};

// The error texts of both runtimes' styles end in one sentence; this is what a person reads of it.
[[nodiscard]] bool one_sentence(const Finished& finished);

}  // namespace shoji::test
