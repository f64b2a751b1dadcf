#include "tests/integration/sandbox.h"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "tests/catch.h"
#include "tests/integration/cgroup_view.h"
#include "tests/integration/wait.h"

namespace shoji::test {
namespace {

int living_sandboxes = 0;

// A member initialiser has to run before the bundle is made.
std::string unique_id() {
  static int count = 0;
  become_subreaper();
  ++living_sandboxes;
  return "itest-" + std::to_string(getpid()) + "-" + std::to_string(++count);
}

}  // namespace

const std::string& runtime_program() {
  static const std::string path = getenv("SHOJI_OCI") != nullptr ? getenv("SHOJI_OCI") : SHOJI_OCI_BUILT;
  return path;
}

bool runtime_is_runc() {
  return runtime_program().ends_with("runc");
}

Sandbox::Sandbox() : bundle(directory_.path() + "/b"), id_(unique_id()) {
  bundle.set("/linux/cgroupsPath", json_string(cgroup()));
}

Sandbox::~Sandbox() {
  if (used_) clean_up();
  --living_sandboxes;
}

void Sandbox::clean_up() {
  std::string err;
  Finished deleted = runtime({"delete", "--force", id_});
  if (deleted.code != 0) err = "delete --force: " + deleted.err;
  creator_.reset();
  eventually([this] { return leftovers().empty(); }, 1);
  err += leftovers();
  if (living_sandboxes == 1) {
    for (pid_t pid : living_children()) ::kill(pid, SIGKILL);
    eventually([] { return reap_orphans(), living_children().empty(); }, 1);
  }
  remove_cgroups_named(id_);
  if (!err.empty()) FAIL_CHECK("left behind by " << id_ << ":\n" << err);
}

Command Sandbox::command(const Arguments& arguments) {
  used_ = true;
  Command c;
  c.argv = {runtime_program(), "--root", state_dir()};
  c.argv.insert(c.argv.end(), arguments.begin(), arguments.end());
  return c;
}

Finished Sandbox::runtime(const Arguments& arguments, double seconds) {
  return spawn(arguments).wait(seconds);
}

Process Sandbox::spawn(const Arguments& arguments) {
  return Process(command(arguments));
}

namespace {

Arguments with_bundle(const std::string& verb, const Arguments& flags, const Bundle& bundle,
                      const std::string& id) {
  Arguments result = {verb, "--bundle", bundle.path()};
  result.insert(result.end(), flags.begin(), flags.end());
  result.push_back(id);
  return result;
}

}  // namespace

Finished Sandbox::run(const Arguments& flags) {
  return spawn_run(flags).wait();
}

std::string Sandbox::outcome(const Arguments& flags) {
  Finished f = run(flags);
  return f.code == 0 ? f.out : f.out + "[exit " + std::to_string(f.code) + "] " + f.err;
}

Process Sandbox::spawn_run(const Arguments& flags) {
  bundle.save();
  return spawn(with_bundle("run", flags, bundle, id_));
}

Finished Sandbox::create(const Arguments& flags) {
  bundle.save();
  creator_.emplace(spawn(with_bundle("create", flags, bundle, id_)));
  return creator_->wait();
}

Finished Sandbox::remove(const Arguments& flags) {
  Arguments arguments = {"delete"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  arguments.push_back(id_);
  return runtime(arguments);
}

Finished Sandbox::exec(std::string_view probe_commands, const Arguments& flags) {
  Arguments arguments = {"exec"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  arguments.push_back(id_);
  if (!probe_commands.empty()) {
    arguments.push_back("/probe");
    for (const auto& word : words(probe_commands)) arguments.push_back(word);
  }
  return runtime(arguments);
}

void Sandbox::launch(const Arguments& create_flags) {
  Finished created = create(create_flags);
  INFO(created.err);
  REQUIRE(created.code == 0);
  pid_ = pid();
  Finished started = start();
  INFO(started.err);
  REQUIRE(started.code == 0);
}

std::string Sandbox::output() const {
  return creator_ ? creator_->out() : "";
}

bool Sandbox::prints(std::string_view text, double seconds) const {
  return eventually([&] { return output().find(text) != std::string::npos; }, seconds);
}

std::string Sandbox::state(std::string_view pointer) {
  return json_at(runtime({"state", id_}).out, pointer);
}

pid_t Sandbox::pid() {
  return static_cast<pid_t>(atoi(state("/pid").c_str()));
}

bool Sandbox::becomes(std::string_view wanted, double seconds) {
  return eventually([&] { return reap_orphans(), status() == wanted; }, seconds);
}

std::optional<int> Sandbox::exit_code(double seconds) {
  eventually([this] { return orphan_exit_code(pid_).has_value(); }, seconds);
  return orphan_exit_code(pid_);
}

std::string Sandbox::leftovers() const {
  std::string found;
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);)
    if (line.find(directory_.path()) != std::string::npos) found += "mount: " + line + "\n";
  for (const auto& path : cgroups_named(id_)) found += "cgroup: " + path + "\n";
  if (DIR* state = opendir(state_dir().c_str())) {
    while (dirent* entry = readdir(state))
      if (std::string_view(entry->d_name).find(id_) != std::string_view::npos)
        found += "state: " + state_dir() + "/" + entry->d_name + "\n";
    closedir(state);
  }
  reap_orphans();
  if (living_sandboxes > 1) return found;  // whose child is whose cannot be told
  for (pid_t pid : living_children()) {
    std::string line = read_text("/proc/" + std::to_string(pid) + "/cmdline");
    std::replace(line.begin(), line.end(), '\0', ' ');
    found += "process: " + std::to_string(pid) + " " + line + "\n";
  }
  return found;
}

bool one_sentence(const Finished& finished) {
  const std::string& text = finished.err;
  return !text.empty() && text.ends_with('\n') && std::count(text.begin(), text.end(), '\n') == 1 &&
         text.find("failed to") == std::string::npos;
}

}  // namespace shoji::test
