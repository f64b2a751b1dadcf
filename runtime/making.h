#pragma once
// A container in the making: what create and run have in common.
#include <optional>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "base/rollback.h"
#include "cgroups/manager.h"
#include "runtime/container.h"
#include "runtime/host_facts.h"
#include "runtime/launch.h"
#include "runtime/plan.h"
#include "runtime/state_store.h"
#include "spec/bundle.h"

namespace shoji {

class Making {
 public:
  enum class Program : uint8_t {
    kGated,   // waits for `start`
    kDirect,  // runs as soon as release() is called
  };
  Making(const CreateOptions& options, Program program);

  // Everything up to the point where the container is made and its facts are on disk. Destroying the object without
  // release() takes all of it back.
  Result<> make();

  // The startContainer hooks, for a container that is started at once.
  Result<> run_start_hooks();
  // Lets the child go on, to its program or to the gate; with kDirect returns when the program runs.
  Result<> release();
  // From here on the container stays, whatever becomes of this object.
  void keep();

  [[nodiscard]] const Bundle& bundle() const { return bundle_; }
  [[nodiscard]] const ContainerFacts& facts() const { return facts_; }
  [[nodiscard]] Cgroup& cgroup() { return *cgroup_; }
  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  [[nodiscard]] int pidfd() const { return child_.pidfd(); }
  // The terminal's master, when nobody else was to get it.
  [[nodiscard]] UniqueFd take_master() { return std::move(master_); }
  // Other verbs may work on the container.
  void unlock() { locked_.dir.reset(); }

 private:
  Result<> decide();
  Result<> reserve();
  Result<> make_cgroup();
  [[nodiscard]] bool limits_beside_child() const;
  Result<> delegate_cgroup();
  Result<> plan();
  Result<> add_gate();
  Result<> launch_child();
  Result<> remember_process();
  Result<> take_net_devices(pid_t pid);
  Result<> run_create_hooks(pid_t pid);
  Result<> take_console(UniqueFd master);
  Result<> write_pid_file();

  const CreateOptions& options_;
  const Program program_;
  StateStore store_;
  Bundle bundle_;
  UniqueFd console_socket_, master_, proc_;
  UniqueFd gate_, report_;
  HostFacts host_;
  StateStore::Locked locked_;
  ContainerFacts facts_;
  std::optional<CgroupHost> cgroup_host_;
  std::optional<Cgroup> cgroup_;
  std::vector<UniqueFd> cgroup_tasks_;
  UniqueFd netns_;  // of the container, where network devices were moved to
  bool cgroup_made_ = false;
  bool hooks_began_ = false;
  Rollback rollback_;
  InitPlan plan_;
  Child child_;  // ends before what it stands on is taken back
};

}  // namespace shoji
