#include "namespaces/sysctl.h"

#include <sched.h>

#include <algorithm>

#include "base/path.h"

namespace shoji {
namespace {

struct Owner {
  std::string_view file;  // or a prefix that ends in '/'
  uint64_t clone_flag;
  std::string_view name;
};

// namespaces(7), ipc_namespaces(7), network_namespaces(7), uts_namespaces(7); user/ is per user namespace
// (namespaces(7) "The /proc/sys/user directory").
constexpr Owner kOwners[] = {
    {"kernel/msgmax", CLONE_NEWIPC, "ipc"},
    {"kernel/msgmnb", CLONE_NEWIPC, "ipc"},
    {"kernel/msgmni", CLONE_NEWIPC, "ipc"},
    {"kernel/sem", CLONE_NEWIPC, "ipc"},
    {"kernel/shmall", CLONE_NEWIPC, "ipc"},
    {"kernel/shmmax", CLONE_NEWIPC, "ipc"},
    {"kernel/shmmni", CLONE_NEWIPC, "ipc"},
    {"kernel/shm_rmid_forced", CLONE_NEWIPC, "ipc"},
    {"kernel/auto_msgmni", CLONE_NEWIPC, "ipc"},
    {"kernel/msg_next_id", CLONE_NEWIPC, "ipc"},
    {"kernel/sem_next_id", CLONE_NEWIPC, "ipc"},
    {"kernel/shm_next_id", CLONE_NEWIPC, "ipc"},
    {"fs/mqueue/", CLONE_NEWIPC, "ipc"},
    {"kernel/hostname", CLONE_NEWUTS, "uts"},
    {"kernel/domainname", CLONE_NEWUTS, "uts"},
    {"net/", CLONE_NEWNET, "network"},
    {"user/", CLONE_NEWUSER, "user"},
};

const Owner* find_owner(std::string_view file) {
  const auto* row = std::ranges::find_if(kOwners, [file](const Owner& owner) {
    return owner.file.ends_with('/') ? file.starts_with(owner.file) : file == owner.file;
  });
  return row == std::end(kOwners) ? nullptr : row;
}

// hostname and domainname have properties of their own, which must not say something else.
bool conflicts(const Spec& spec, std::string_view file, std::string_view value) {
  return (file == "kernel/hostname" && !spec.hostname.empty() && value != spec.hostname) ||
         (file == "kernel/domainname" && !spec.domainname.empty() && value != spec.domainname);
}

}  // namespace

std::string sysctl_file(std::string_view key) {
  std::string file(key);
  const size_t first = key.find_first_of("./");
  if (first != std::string_view::npos && key[first] == '.')
    for (char& c : file) c = c == '.' ? '/' : c == '/' ? '.' : c;
  return file;
}

Result<> plan_sysctl(const Spec& spec, const NamespaceSet& namespaces, StepList& list) {
  for (const auto& [key, value] : spec.linux.sysctl) {
    const std::string file = sysctl_file(key);
    // "net/../kernel/core_pattern" has the prefix of one parameter and names another.
    if (clean_path(file) != cat("/", file))
      return fail(Kind::kInvalid, cat("sysctl ", quote(key), " is not a parameter"));
    const Owner* owner = find_owner(file);
    if (owner == nullptr) return fail(Kind::kInvalid, cat("sysctl ", quote(key), " belongs to no namespace"));
    if (!namespaces.has(owner->clone_flag))
      return fail(Kind::kInvalid,
                  cat("sysctl ", quote(key), " would change the host: the container shares its ", owner->name,
                      " namespace"));
    if (conflicts(spec, file, value))
      return fail(Kind::kInvalid, cat("sysctl ", quote(key), " conflicts with the property of that name"));
    Step& step = list.add(StepKind::kWriteProc);
    list.s0(step, cat("sys/", file));
    list.s1(step, value);
  }
  return {};
}

}  // namespace shoji
