// Plans as text, one line per step: for golden tests and --debug.
#include <iterator>
#include <vector>

#include "base/error.h"
#include "base/step_text.h"

namespace shoji {
namespace {

// One name per kind, in the order of the enumeration, for dumps.
constexpr std::string_view kKindNames[] = {
    "none",        "write_slot",    "setns",        "unshare",       "sync",         "fork",
    "set_ids",     "loopback_up",   "sethostname",  "setdomainname", "setsid",       "session_keyring",
    "write_proc",  "propagation",   "open_tree",    "new_mount",     "mount_attr",   "open_root",
    "attach_host", "attach",        "mount2",       "path_attr",     "mask",         "readonly_path",
    "mkdir",       "mknod",         "symlink",      "chown_path",    "pivot_root",   "move_root",
    "chroot",      "console",       "rlimit",       "umask",         "scheduler",    "io_priority",
    "affinity",    "personality",   "mempolicy",    "drop_bounding", "keep_caps",    "set_caps",
    "ambient",     "no_new_privs",  "seccomp",      "chdir",         "cloexec_from", "close_host",
    "undumpable",  "dup_to",        "find_program", "gate",          "report",       "supervise",
    "exec",        "apparmor_exec", "selinux_exec",
};
static_assert(std::size(kKindNames) == static_cast<size_t>(StepKind::kCount));

constexpr std::string_view kOnErrorNames[] = {"", " next-if-refused", " skip-if-absent", " ignore"};

// Bytes that are not text (BPF, CPU masks) show their length only.
bool is_binary(StepKind kind) {
  return kind == StepKind::kSeccomp || kind == StepKind::kScheduler || kind == StepKind::kAffinity ||
         kind == StepKind::kMempolicy;
}

std::string list_dump(const std::vector<std::string_view>& items) {
  std::string out;
  for (std::string_view item : items) out += cat(out.empty() ? "" : ",", quote(item));
  return out;
}

std::string hex(uint64_t number) {
  std::string out;
  do {
    out.insert(out.begin(), "0123456789abcdef"[number % 16]);
    number /= 16;
  } while (number != 0);
  return "0x" + out;
}

}  // namespace

std::string step_dump(const StepList& list, uint32_t index) {
  const Step& step = list.steps().at(index);
  std::string out(kKindNames[static_cast<size_t>(step.kind)]);
  if (step.a != kNoSlot) out += cat(" a=", step.a);
  if (step.b != kNoSlot) out += cat(" b=", step.b);
  if (step.flags != 0) out += cat(" flags=", hex(step.flags));
  if (step.s0 != 0)
    out += is_binary(step.kind) ? cat(" s0=", step.s0_len, "B") : cat(" s0=", quote(list.text0(step)));
  if (step.s1 != 0) out += cat(" s1=", quote(list.text1(step)));
  if (step.kind == StepKind::kSetIds) {
    if (step.v0_len != 0) out += cat(" groups=", step.v0_len);
  } else {
    if (step.v0 != 0) out += cat(" v0=", list_dump(list.list0(step)));
    if (step.v1 != 0) out += cat(" v1=", list_dump(list.list1(step)));
  }
  if (step.u0 != 0) out += cat(" u0=", hex(step.u0));
  if (step.u1 != 0) out += cat(" u1=", hex(step.u1));
  if (step.u2 != 0) out += cat(" u2=", hex(step.u2));
  out += kOnErrorNames[static_cast<size_t>(step.on_error)];
  return out;
}

}  // namespace shoji
