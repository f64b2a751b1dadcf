#pragma once
// A step is a system call (or a short fixed sequence of them) to be made later by the child, as plain data.
// This header is shared by the runtime and by the freestanding shoji-init: no library types in it.
//
// A plan is one contiguous blob: PlanHeader, steps, slots, vectors, strings. Offsets count from its start, so that the
// walker can map it anywhere. The parent keeps a copy to turn {step index, detail, errno} into a sentence.
#include <stdint.h>

namespace shoji {

inline constexpr uint32_t kPlanMagic = 0x316a6873;  // "shj1"
inline constexpr int kNoSlot = -1;

// What a step does. `path` operands are resolved below the container's root with openat2(2)
// RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS unless the row says "host path" (resolved as the runtime would).
enum class StepKind : uint16_t {
  kNone = 0,
  // -- cgroups, namespaces --------------------------------------------------------------------------------------
  kWriteSlot,  // write(slot a, s0). Used to join v1 cgroups ("0" to tasks).
  kSetns,      // setns(slot a, flags = CLONE_NEW*)
  kUnshare,    // unshare(flags)
  kSync,       // tell the parent (u0 = SyncPoint) and wait for its answer
  kFork,       // clone(CLONE_PARENT): the child walks on, this process exits after telling the parent the pid
  kSetIds,     // setresgid(u1), setresuid(u0), setgroups(vector v0 of u32) ; flags: kIdsNoGroups
  kLoopbackUp,     // bring "lo" up in the current network namespace
  kSethostname,    // s0
  kSetdomainname,  // s0
  kSetsid,
  kSessionKeyring,  // keyctl(JOIN_SESSION_KEYRING, s0)
  // -- writing kernel files through the host's /proc (slot a), not through anything inside the container ---------
  kWriteProc,  // openat(slot a, s0, O_WRONLY) write s1   (sysctl: "sys/net/...", "self/oom_score_adj")
  // -- mounts ---------------------------------------------------------------------------------------------------
  kPropagation,  // mount(NULL, s0 host path, NULL, flags = MS_*, NULL)
  kOpenTree,     // slot a = open_tree(s0 host path, flags)
  kNewMount,  // slot a = fsopen(s0), fsconfig for vector v0 of (key, value) pairs, fsmount(attr u0); s1 = source
  kMountAttr,   // mount_setattr(slot a, "", flags, {set u0, clear u1, propagation u2, userns slot b})
  kOpenRoot,    // slot a becomes the container's root: every later path is resolved below it
  kAttachHost,  // move_mount(slot a -> s0 host path)
  kAttach,  // move_mount(slot a -> path s0), creating the mount point (flags: kAttachFile, kAttachDir, kAttachNoFollow)
  kMount2,  // mount(s1, path s0, type v0[0], u0 = MS_*, data v0[1]): options too long for fsconfig; flags kAttachNoFollow
  kPathAttr,  // mount_setattr(path s0, flags AT_RECURSIVE, {u0,u1,u2})
  kMask,  // cover path s0: a file with slot a (/dev/null), a directory with a clone of slot b (empty tmpfs); absent: skip
  kReadonlyPath,  // bind path s0 on itself read-only; absent: skip
  kMkdir,         // path s0, mode u0 (mkdir -p)
  kMknod,      // path s0, mode u0, device u1, uid/gid u2 = uid<<32|gid, replaces nothing but an equal device
  kSymlink,    // path s1 -> target s0; existing: keep
  kChownPath,  // path s0 to uid/gid u2; with slot a: that descriptor to uid u2>>32, unless it is a null device
  kPivotRoot,  // fchdir(root slot), pivot_root(".", "."), umount2(".", MNT_DETACH), chdir("/")
  kMoveRoot,   // --no-pivot: move the root mount over "/" and chroot into it
  kChroot,     // no mount namespace of its own: fchdir(root slot) and chroot(".")
  // -- console --------------------------------------------------------------------------------------------------
  kConsole,  // open the container's ptmx, make it the controlling terminal on 0,1,2, hand the master to the parent; size u0 = rows<<16|cols
             // flags kConsoleBind: bind it over /dev/console
  // -- process --------------------------------------------------------------------------------------------------
  kRlimit,  // prlimit(0, flags = resource, soft u0, hard u1); flags2 kRlimitRaiseHard: hard only, before ids change
  kUmask,         // u0
  kScheduler,     // sched_setattr(u0 = offset of struct sched_attr bytes in s0/length)
  kIoPriority,    // ioprio_set(IOPRIO_WHO_PROCESS, 0, u0)
  kAffinity,      // sched_setaffinity(0, s0 as bytes)
  kPersonality,   // u0
  kMempolicy,     // set_mempolicy(mode u0, nodemask s0 as bytes)
  kDropBounding,  // PR_CAPBSET_DROP for every capability up to the last one not in mask u0
  kKeepCaps,      // PR_SET_KEEPCAPS
  kSetCaps,       // capset(effective u0, permitted u1, inheritable u2)
  kAmbient,       // clear all ambient, then raise mask u0 (u1: mask of those whose refusal is ignored)
  kNoNewPrivs,
  kSeccomp,      // s0 = struct sock_filter[] bytes, flags = SECCOMP_FILTER_FLAG_*
  kChdir,        // path s0 as the process itself resolves it (after pivot); flags kChdirOnce
  kCloexecFrom,  // close_range(u0, ~0, CLOSE_RANGE_CLOEXEC)
  kCloseHost,  // close every descriptor from 3 on but the parent's socket, slots a and b, and the caller's below u0
  kUndumpable,  // PR_SET_DUMPABLE off
  kDupTo,       // dup2(slot a, u0)
  kFindProgram,  // first usable candidate in vector v0 (absolute or cwd-relative paths); the walker remembers it
  kGate,         // slot a: read one byte from the start FIFO, whose only reader this process is
  kReport,       // slot a: from here on errors are written to this file instead of the parent's socket
  kSupervise,  // fork: the child walks on, this process stays and writes to slot a how the child's program ended
  kExec,       // execve(the found program, argv = vector v0, envp = vector v1)
  kAppArmorExec,  // as kWriteProc: s0 = "thread-self/attr/apparmor/exec", s1 = "exec PROFILE"
  kSelinuxExec,   // as kWriteProc: s0 = "thread-self/attr/exec", s1 = label
  kCount
};

// Flags of single kinds.
inline constexpr uint32_t kIdsNoGroups = 1;  // kSetIds: leave the supplementary groups alone
inline constexpr uint32_t kAttachFile = 1;   // kAttach: the mount point is a file
inline constexpr uint32_t kAttachNoFollow =
    2;  // kAttach: the last component must not be a symlink (dest-nofollow)
inline constexpr uint32_t kAttachOverProc =
    4;  // kAttach: the mount point may be a file of a procfs; else that is refused (kInProc)
inline constexpr uint32_t kSymlinkReplace = 1;  // kSymlink: whatever else has the name is unlinked first
inline constexpr uint32_t kConsoleBind = 1;
inline constexpr uint32_t kChdirOnce = 1;  // kChdir: nothing to do if an earlier kChdir worked
inline constexpr uint32_t kRlimitRaiseHard = 0x80000000u;

// When may a failure of a step be passed over?
enum class OnError : uint16_t {
  kFail = 0,
  kNextIfRefused,  // EPERM, EACCES, EBUSY, EINVAL, ENODEV: run the next step; on success skip the next step
  kSkipIfAbsent,   // ENOENT, ENOTDIR: go on
  kIgnore,         // go on (each use is commented in the plan)
};

struct Step {
  StepKind kind = StepKind::kNone;
  OnError on_error = OnError::kFail;
  uint32_t flags = 0;
  int32_t a = kNoSlot;
  int32_t b = kNoSlot;
  uint32_t s0 = 0, s0_len = 0;  // offset and length of a byte string (NUL-terminated in the blob); 0: none
  uint32_t s1 = 0, s1_len = 0;
  uint32_t v0 = 0, v0_len = 0;  // offset and count of a vector of uint64 string offsets (or plain numbers)
  uint32_t v1 = 0, v1_len = 0;
  uint64_t u0 = 0, u1 = 0, u2 = 0;
};

struct PlanHeader {
  uint32_t magic = kPlanMagic;
  uint32_t size = 0;  // of the whole blob
  uint32_t steps = 0, step_count = 0;
  uint32_t slots = 0, slot_count = 0;  // int32 each: a descriptor number, or -1 for one that a step fills
  int32_t socket = -1;                 // SOCK_SEQPACKET to the parent
  int32_t proc = -1;                   // O_PATH directory: the host's /proc
};

// Why the child stops and asks.
enum class SyncPoint : uint32_t {
  kMapIds = 1,   // parent writes uid_map, gid_map and setgroups of this process
  kTimeOffsets,  // parent writes timens_offsets of this process
  kCreateHooks,  // parent runs prestart, createRuntime, createContainer hooks
  kReady,        // everything is made; parent stores the facts
  kNetDevices,   // parent moves network devices into this process's network namespace
};

inline constexpr uint32_t kDetailKindShift = 16;

// child -> parent, one packet each. kConsole carries a descriptor (SCM_RIGHTS).
enum class MessageKind : uint32_t { kSync = 1, kForked, kConsole, kFailed };
struct Message {
  MessageKind kind;
  uint32_t value;   // SyncPoint | pid | step index
  uint32_t detail;  // kFailed: which part of the step (StepPart), and its kind << kDetailKindShift
  int32_t err;      // kFailed: errno
  char text[112];   // kFailed: what the filesystem itself said (fsconfig log), NUL-terminated, or empty
};
// parent -> child: one byte; kGo to continue. End of file means: the parent gave up or died, exit.
inline constexpr char kGo = 'g';

// Which part of a composite step did not work (Message::detail).
enum class StepPart : uint32_t {
  kWhole = 0,
  kOpenFs,
  kConfigure,
  kCreateFs,
  kMountPoint,
  kMoveMount,
  kAttributes,
  kOpen,
  kWrite,
  kGroups,
  kGid,
  kUid,
  kPtmx,
  kPts,
  kUnlock,
  kTty,
  kSend,
  kSocket,
  kClone,
  kInProc  // the mount point turned out to be inside a procfs
};

}  // namespace shoji
