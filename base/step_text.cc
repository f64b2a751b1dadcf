#include "base/step_text.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <vector>

#include "base/error.h"

namespace shoji {
namespace {

struct FlagName {
  uint64_t flag;
  std::string_view name;
};

// The access-time attributes are values of a field, not bits: mount_setattr(2).
constexpr FlagName kAttributes[] = {
    {MOUNT_ATTR_RDONLY, "ro"},
    {MOUNT_ATTR_NOSUID, "nosuid"},
    {MOUNT_ATTR_NODEV, "nodev"},
    {MOUNT_ATTR_NOEXEC, "noexec"},
    {MOUNT_ATTR_NODIRATIME, "nodiratime"},
    {MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"},
    {MOUNT_ATTR_IDMAP, "idmap"},
};

constexpr FlagName kNamespaces[] = {
    {CLONE_NEWUSER, "user"},     {CLONE_NEWPID, "pid"},
    {CLONE_NEWNET, "network"},   {CLONE_NEWNS, "mount"},
    {CLONE_NEWIPC, "ipc"},       {CLONE_NEWUTS, "uts"},
    {CLONE_NEWCGROUP, "cgroup"}, {0x80 /* CLONE_NEWTIME */, "time"},
};

constexpr FlagName kRlimits[] = {
    {RLIMIT_AS, "RLIMIT_AS"},
    {RLIMIT_CORE, "RLIMIT_CORE"},
    {RLIMIT_CPU, "RLIMIT_CPU"},
    {RLIMIT_DATA, "RLIMIT_DATA"},
    {RLIMIT_FSIZE, "RLIMIT_FSIZE"},
    {RLIMIT_LOCKS, "RLIMIT_LOCKS"},
    {RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK"},
    {RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE"},
    {RLIMIT_NICE, "RLIMIT_NICE"},
    {RLIMIT_NOFILE, "RLIMIT_NOFILE"},
    {RLIMIT_NPROC, "RLIMIT_NPROC"},
    {RLIMIT_RSS, "RLIMIT_RSS"},
    {RLIMIT_RTPRIO, "RLIMIT_RTPRIO"},
    {RLIMIT_RTTIME, "RLIMIT_RTTIME"},
    {RLIMIT_SIGPENDING, "RLIMIT_SIGPENDING"},
    {RLIMIT_STACK, "RLIMIT_STACK"},
};

void append_word(std::string& out, std::string_view word, std::string_view separator = ",") {
  if (word.empty()) return;
  if (!out.empty()) out += separator;
  out += word;
}

// MOUNT_ATTR_NOSUID|MOUNT_ATTR_RDONLY -> "ro,nosuid"
std::string mount_attr_text(uint64_t attributes) {
  std::string out;
  for (const auto& row : kAttributes)
    if ((attributes & row.flag) != 0) append_word(out, row.name);
  const uint64_t atime = attributes & MOUNT_ATTR__ATIME;
  if (atime == MOUNT_ATTR_NOATIME) append_word(out, "noatime");
  if (atime == MOUNT_ATTR_STRICTATIME) append_word(out, "strictatime");
  return out;
}

// MS_SLAVE|MS_REC -> "rslave"
std::string propagation_text(uint64_t flags) {
  const std::string_view prefix = (flags & MS_REC) != 0 ? "r" : "";
  if ((flags & MS_PRIVATE) != 0) return cat(prefix, "private");
  if ((flags & MS_SLAVE) != 0) return cat(prefix, "slave");
  if ((flags & MS_SHARED) != 0) return cat(prefix, "shared");
  if ((flags & MS_UNBINDABLE) != 0) return cat(prefix, "unbindable");
  return {};
}

// CLONE_NEW* bits as the words of the configuration: "pid", "ipc and uts"
std::string namespace_text(uint64_t clone_flags) {
  std::string out;
  for (const auto& row : kNamespaces)
    if ((clone_flags & row.flag) != 0) append_word(out, row.name, " and ");
  return out;
}

std::string rlimit_text(uint32_t resource) {
  for (const auto& row : kRlimits)
    if (row.flag == resource) return std::string(row.name);
  return cat("resource limit ", resource);
}

std::string octal(uint64_t number) {
  std::string out;
  do {
    out.insert(out.begin(), static_cast<char>('0' + number % 8));
    number /= 8;
  } while (number != 0);
  return "0" + out;
}

// -- mounts ----------------------------------------------------------------------------------------------

constexpr std::string_view kInProcWords = ": the mount point is inside a proc filesystem";

// A mount is several steps that share a slot: one that makes it, some that change it, one that attaches it.
// Whichever of them was refused, the user wants to read the whole mount.
struct MountSteps {
  const Step* maker = nullptr;
  const Step* attach = nullptr;
};

bool makes_mount(StepKind kind) {
  return kind == StepKind::kNewMount || kind == StepKind::kOpenTree;
}

bool attaches_mount(StepKind kind) {
  return kind == StepKind::kAttach || kind == StepKind::kAttachHost;
}

MountSteps mount_steps(const StepList& list, uint32_t index) {
  const auto& steps = list.steps();
  const int32_t slot = steps[index].a;
  MountSteps out;
  for (uint32_t i = index + 1; i-- > 0 && out.maker == nullptr;)
    if (steps[i].a == slot && makes_mount(steps[i].kind)) out.maker = &steps[i];
  for (uint32_t i = index; i < steps.size() && out.attach == nullptr; ++i)
    if (steps[i].a == slot && attaches_mount(steps[i].kind)) out.attach = &steps[i];
  return out;
}

std::string mount_source(const StepList& list, const MountSteps& mount) {
  if (mount.maker == nullptr) return mount.attach == nullptr ? "" : std::string(list.text1(*mount.attach));
  const Step& maker = *mount.maker;
  if (maker.kind == StepKind::kNewMount && maker.s1_len != 0) return std::string(list.text1(maker));
  return std::string(list.text0(maker));
}

// The options in parentheses: attributes first, then what the filesystem takes.
std::string mount_options(const StepList& list, const MountSteps& mount) {
  std::string out;
  if (mount.maker == nullptr) return out;
  const Step& maker = *mount.maker;
  if (maker.kind != StepKind::kNewMount) {
    out = (maker.flags & AT_RECURSIVE) != 0 ? "rbind" : "bind";
  } else {
    append_word(out, mount_attr_text(maker.u0));
    auto pairs = list.list0(maker);
    for (size_t i = 0; i + 1 < pairs.size(); i += 2)
      append_word(out, pairs[i + 1].empty() ? std::string(pairs[i]) : cat(pairs[i], "=", pairs[i + 1]));
  }
  for (const Step* step = mount.maker + 1; step < list.steps().data() + list.steps().size(); ++step) {
    if (step->a != maker.a) continue;
    if (step->kind != StepKind::kMountAttr) break;
    append_word(out, mount_attr_text(step->u0));
    append_word(out, propagation_text(step->u2 | ((step->flags & AT_RECURSIVE) != 0 ? MS_REC : 0)));
  }
  return out;
}

std::string mount2_text(const StepList& list, const Step& step, StepPart part) {
  std::string out = cat("mount ", quote(list.text1(step)), " on ", quote(list.text0(step)));
  auto type_and_data = list.list0(step);
  if (type_and_data.size() == 2)
    out += cat(" (", type_and_data[1], "): filesystem type ", quote(type_and_data[0]));
  return part == StepPart::kInProc ? cat(out, kInProcWords) : out;
}

std::string mount_text(const StepList& list, uint32_t index, StepPart part) {
  MountSteps mount = mount_steps(list, index);
  std::string out = "mount";
  if (std::string source = mount_source(list, mount); !source.empty()) out += cat(" ", quote(source));
  if (mount.attach != nullptr) out += cat(" on ", quote(list.text0(*mount.attach)));
  if (std::string options = mount_options(list, mount); !options.empty()) out += cat(" (", options, ")");
  switch (part) {
    case StepPart::kOpenFs:
      return cat(out, ": filesystem type ", quote(list.text0(list.steps()[index])));
    case StepPart::kConfigure:
      return cat(out, ": filesystem option");
    case StepPart::kMountPoint:
      return cat(out, ": mount point");
    case StepPart::kInProc:
      return cat(out, kInProcWords);
    case StepPart::kAttributes:
      return cat(out, ": mount attributes");
    default:
      return list.steps()[index].kind == StepKind::kMountAttr ? cat(out, ": mount attributes") : out;
  }
}

std::string path_attr_text(const StepList& list, const Step& step) {
  std::string options = mount_attr_text(step.u0);
  append_word(options, propagation_text(step.u2));
  return cat("remount ", quote(list.text0(step)), " (", options, ")");
}

// -- process ---------------------------------------------------------------------------------------------

std::string sync_text(uint64_t point) {
  switch (static_cast<SyncPoint>(point)) {
    case SyncPoint::kMapIds:
      return "wait for the id mappings";
    case SyncPoint::kTimeOffsets:
      return "wait for the clock offsets";
    case SyncPoint::kCreateHooks:
      return "wait for the hooks";
    case SyncPoint::kNetDevices:
      return "wait for the network devices";
    case SyncPoint::kReady:
      return "tell the runtime that the container is ready";
  }
  return "talk to the runtime";
}

std::string ids_text(const Step& step, StepPart part) {
  if (part == StepPart::kGroups) return "set the supplementary groups";
  if (part == StepPart::kGid) return cat("set the group id to ", step.u1);
  if (part == StepPart::kUid) return cat("set the user id to ", step.u0);
  return cat("set the user to ", step.u0, ":", step.u1);
}

std::string console_text(StepPart part) {
  switch (part) {
    case StepPart::kPtmx:
      return "open \"/dev/ptmx\" for the terminal";
    case StepPart::kPts:
      return "open the terminal's other end below \"/dev/pts\"";
    case StepPart::kUnlock:
      return "unlock the terminal";
    case StepPart::kTty:
      return "make the terminal the controlling one";
    case StepPart::kSend:
      return "hand the terminal to the runtime";
    case StepPart::kMountPoint:
    case StepPart::kMoveMount:
      return "mount the terminal on \"/dev/console\"";
    default:
      return "set up the terminal";
  }
}

std::string program_text(const StepList& list, const Step& step) {
  auto candidates = list.list0(step);
  if (candidates.empty()) return "execute the program";
  // Every candidate is DIR/NAME for the directories of PATH: the user wrote the name.
  if (candidates.size() == 1) return cat("execute ", quote(candidates.front()));
  std::string_view first = candidates.front();
  return cat("find ", quote(first.substr(first.find_last_of('/') + 1)), " in PATH");
}

// The program that kExec runs was found by the kFindProgram before it; argv[0] is only a name.
std::string exec_text(const StepList& list, uint32_t index) {
  const auto& steps = list.steps();
  for (uint32_t i = index; i-- > 0;)
    if (steps[i].kind == StepKind::kFindProgram && steps[i].v0_len == 1) return program_text(list, steps[i]);
  auto argv = list.list0(steps[index]);
  return argv.empty() ? "execute the program" : cat("execute ", quote(argv.front()));
}

std::string rlimit_sentence(const Step& step) {
  std::string name = rlimit_text(step.flags & ~kRlimitRaiseHard);
  if ((step.flags & kRlimitRaiseHard) != 0) return cat("raise the hard limit of ", name, " to ", step.u1);
  return cat("set ", name, " to soft ", step.u0, ", hard ", step.u1);
}

// Kinds whose sentence is a fixed text, optionally followed by s0 in quotes.
struct PlainText {
  StepKind kind;
  std::string_view text;
  bool quotes_s0 = false;
};

constexpr PlainText kPlain[] = {
    {StepKind::kFork, "fork into the pid namespace"},
    {StepKind::kLoopbackUp, "bring up the loopback interface"},
    {StepKind::kSethostname, "set the host name to", true},
    {StepKind::kSetdomainname, "set the domain name to", true},
    {StepKind::kSetsid, "start a new session"},
    {StepKind::kSessionKeyring, "join a new session keyring"},
    {StepKind::kOpenRoot, "open the container's root"},
    {StepKind::kMask, "mask path", true},
    {StepKind::kReadonlyPath, "make path read-only", true},
    {StepKind::kMkdir, "create directory", true},
    {StepKind::kChownPath, "change the owner of", true},
    {StepKind::kPivotRoot, "change the root directory (pivot_root)"},
    {StepKind::kMoveRoot, "move the root mount to \"/\""},
    {StepKind::kChroot, "change the root directory (chroot)"},
    {StepKind::kScheduler, "set the scheduler"},
    {StepKind::kIoPriority, "set the I/O priority"},
    {StepKind::kAffinity, "set the CPU affinity"},
    {StepKind::kPersonality, "set the personality"},
    {StepKind::kMempolicy, "set the memory policy"},
    {StepKind::kDropBounding, "drop capabilities from the bounding set"},
    {StepKind::kKeepCaps, "keep capabilities over the change of user"},
    {StepKind::kSetCaps, "set the capabilities"},
    {StepKind::kAmbient, "set the ambient capabilities"},
    {StepKind::kNoNewPrivs, "set no_new_privs"},
    {StepKind::kSeccomp, "install the seccomp filter"},
    {StepKind::kChdir, "change to working directory", true},
    {StepKind::kCloexecFrom, "mark inherited descriptors close-on-exec"},
    {StepKind::kCloseHost, "close the descriptors of the host"},
    {StepKind::kUndumpable, "hide the first process"},
    {StepKind::kGate, "wait for start"},
    {StepKind::kSupervise, "start the program's process"},
    {StepKind::kReport, "open the report of start"},
};

std::string plain_text(const StepList& list, const Step& step) {
  for (const auto& row : kPlain)
    if (row.kind == step.kind)
      return row.quotes_s0 ? cat(row.text, " ", quote(list.text0(step))) : std::string(row.text);
  return cat("step of kind ", static_cast<uint32_t>(step.kind));
}

}  // namespace

std::string step_text(const StepList& list, uint32_t index, StepPart part) {
  if (index >= list.steps().size()) return "start the container's process";
  const Step& step = list.steps()[index];
  switch (step.kind) {
    case StepKind::kNewMount:
    case StepKind::kMountAttr:
    case StepKind::kOpenTree:
    case StepKind::kAttach:
    case StepKind::kAttachHost:
      return mount_text(list, index, part);
    case StepKind::kMount2:
      return mount2_text(list, step, part);
    case StepKind::kWriteSlot:
      return step.s1_len != 0 ? cat("join cgroup ", quote(list.text1(step))) : "join a cgroup";
    case StepKind::kSetns:
      return cat("join the ", namespace_text(step.flags), " namespace");
    case StepKind::kUnshare:
      return cat("create the ", namespace_text(step.flags), " namespace");
    case StepKind::kSync:
      return sync_text(step.u0);
    case StepKind::kSetIds:
      return ids_text(step, part);
    case StepKind::kWriteProc:
      return cat("write ", quote(list.text1(step)), " to ", quote(cat("/proc/", list.text0(step))));
    case StepKind::kPropagation:
      return cat("make ", quote(list.text0(step)), " ", propagation_text(step.flags));
    case StepKind::kPathAttr:
      return path_attr_text(list, step);
    case StepKind::kMknod:
      return cat("create device ", quote(list.text0(step)));
    case StepKind::kSymlink:
      return cat("create symlink ", quote(list.text1(step)), " to ", quote(list.text0(step)));
    case StepKind::kConsole:
      return console_text(part);
    case StepKind::kRlimit:
      return rlimit_sentence(step);
    case StepKind::kUmask:
      return cat("set the umask to ", octal(step.u0));
    case StepKind::kDupTo:
      return cat("place descriptor ", step.u0);
    case StepKind::kFindProgram:
      return program_text(list, step);
    case StepKind::kExec:
      return exec_text(list, index);
    case StepKind::kAppArmorExec:
      return cat("apply AppArmor profile ", quote(list.text1(step)));
    case StepKind::kSelinuxExec:
      return cat("apply SELinux label ", quote(list.text1(step)));
    default:
      return plain_text(list, step);
  }
}

}  // namespace shoji
