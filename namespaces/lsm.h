#pragma once
// AppArmor and SELinux labels of the program (apparmor(7), selinux(8)).
#include "base/error.h"
#include "base/step_list.h"
#include "spec/spec.h"

namespace shoji {

struct LsmFacts {
  bool apparmor = false;
  bool selinux = false;
};

// /sys/module/apparmor/parameters/enabled is "Y"; selinuxfs is mounted on /sys/fs/selinux. `root` is in front
// of both paths, for fixture trees.
LsmFacts read_lsm_facts(const std::string& root = "");

// Steps that set the labels of the next execve(2). A label that the host cannot apply is refused, as runc
// does: a container that is believed to be confined must not run unconfined. "unconfined" and "" ask for
// nothing.
Result<> plan_labels(const Process& process, const LsmFacts& facts, StepList& list);

// linux.mountLabel needs SELinux as well.
Result<> check_mount_label(const Spec& spec, const LsmFacts& facts);

}  // namespace shoji
