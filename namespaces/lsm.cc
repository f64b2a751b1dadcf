#include "namespaces/lsm.h"

#include <sys/statfs.h>

#include "base/io.h"

namespace shoji {
namespace {
constexpr long kSelinuxMagic = 0xf97cff8cL;  // statfs(2)
}

LsmFacts read_lsm_facts(const std::string& root) {
  LsmFacts facts;
  auto apparmor = read_file(root + "/sys/module/apparmor/parameters/enabled", 16);
  facts.apparmor = apparmor && apparmor->starts_with('Y');
  struct statfs fs{};
  facts.selinux = statfs((root + "/sys/fs/selinux").c_str(), &fs) == 0 && fs.f_type == kSelinuxMagic;
  return facts;
}

Result<> plan_labels(const Process& process, const LsmFacts& facts, StepList& list) {
  const std::string& profile = process.apparmor_profile;
  if (!profile.empty() && (facts.apparmor || profile != "unconfined")) {
    if (!facts.apparmor)
      return fail(Kind::kUnsupported,
                  cat("process.apparmorProfile is ", quote(profile), ", but this host has no AppArmor"));
    // proc_pid_attr(5): "exec NAME" is AppArmor's word for "at the next execve".
    Step& step = list.add(StepKind::kAppArmorExec);
    list.s0(step, "thread-self/attr/apparmor/exec");
    list.s1(step, cat("exec ", profile));
  }
  if (!process.selinux_label.empty()) {
    if (!facts.selinux)
      return fail(Kind::kUnsupported, cat("process.selinuxLabel is ", quote(process.selinux_label),
                                          ", but this host has no SELinux"));
    Step& step = list.add(StepKind::kSelinuxExec);
    list.s0(step, "thread-self/attr/exec");
    list.s1(step, process.selinux_label);
  }
  return {};
}

Result<> check_mount_label(const Spec& spec, const LsmFacts& facts) {
  if (spec.linux.mount_label.empty() || facts.selinux) return {};
  return fail(Kind::kUnsupported,
              cat("linux.mountLabel is ", quote(spec.linux.mount_label), ", but this host has no SELinux"));
}

}  // namespace shoji
