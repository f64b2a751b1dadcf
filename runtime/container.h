#pragma once
// The verbs of a container's lifecycle (runtime.md): each call is one verb, works by itself and may be killed at any
// moment; delete_container() with force cleans up after every such death.
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "runtime/state_store.h"

namespace shoji {

enum class Status : uint8_t { kCreating, kCreated, kRunning, kPaused, kStopped };
std::string_view status_name(Status status);

struct CreateOptions {
  std::string root;  // state root
  std::string id;
  std::string bundle = ".";
  std::string config;  // --config FILE, empty: bundle/config.json
  std::string console_socket;
  std::string pid_file;
  bool no_pivot = false;
  bool no_new_keyring = false;
  bool no_subreaper = false;  // run
  bool detach = false;        // run
  bool keep = false;          // run: leave the stopped container
  uint32_t preserve_fds = 0;
  int exit_file = -1;  // run: PlanOptions::exit_file
};

struct ExecOptions {
  std::string root;
  std::string id;
  std::string process_file;  // --process, empty: built from the rest
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string cwd;
  std::string user;  // UID[:GID]
  std::vector<uint32_t> additional_gids;
  std::vector<std::string> caps;
  std::string apparmor, process_label;
  std::string console_socket, pid_file;
  std::string cgroup;  // sub-cgroup of the container's
  bool tty = false, detach = false, no_new_privs = false, ignore_paused = false;
  uint32_t preserve_fds = 0;
};

struct ContainerView {
  ContainerFacts facts;
  Status status = Status::kStopped;
  pid_t pid = 0;  // 0 when stopped
};

Result<> create_container(const CreateOptions& options);
Result<> start_container(const std::string& root, const std::string& id);
Result<int> run_container(const CreateOptions& options);  // exit code of the program, 128+n for a signal
Result<int> exec_in_container(const ExecOptions& options);
Result<ContainerView> view_container(const std::string& root, const std::string& id);
Result<std::vector<ContainerView>> list_containers(const std::string& root);
Result<> signal_container(const std::string& root, const std::string& id, int signal, bool all);
Result<> delete_container(const std::string& root, const std::string& id, bool force);
Result<> pause_container(const std::string& root, const std::string& id);
Result<> resume_container(const std::string& root, const std::string& id);
Result<std::vector<pid_t>> container_pids(const std::string& root, const std::string& id);

}  // namespace shoji
