#include "base/step_text.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "tests/catch.h"

using namespace shoji;

namespace {
// mount "proc" on "/proc" as three steps over slot 0, then a bind over slot 1.
StepList two_mounts() {
  StepList list;
  int32_t proc = list.slot();
  Step& make = list.add(StepKind::kNewMount);
  make.a = proc;
  make.u0 = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  list.s0(make, "proc");
  std::string pairs[] = {"hidepid", "2", "ro", ""};
  list.v0(make, pairs);
  Step& attach = list.add(StepKind::kAttach);
  attach.a = proc;
  list.s0(attach, "/proc");
  int32_t bind = list.slot();
  Step& open = list.add(StepKind::kOpenTree);
  open.a = bind;
  open.flags = 1 | AT_RECURSIVE;
  list.s0(open, "/srv/\"data");
  Step& attr = list.add(StepKind::kMountAttr);
  attr.a = bind;
  attr.u0 = MOUNT_ATTR_RDONLY;
  attr.u2 = MS_SLAVE | MS_REC;
  Step& on = list.add(StepKind::kAttach);
  on.a = bind;
  list.s0(on, "/data");
  return list;
}
}  // namespace

TEST_CASE("every step of a mount names the whole mount") {
  StepList list = two_mounts();
  const std::string proc = "mount \"proc\" on \"/proc\" (nosuid,noexec,hidepid=2,ro)";
  CHECK(step_text(list, 0, StepPart::kCreateFs) == proc);
  CHECK(step_text(list, 0, StepPart::kOpenFs) == proc + ": filesystem type \"proc\"");
  CHECK(step_text(list, 1, StepPart::kMoveMount) == proc);
  CHECK(step_text(list, 1, StepPart::kMountPoint) == proc + ": mount point");
  const std::string bind = "mount \"/srv/\\\"data\" on \"/data\" (rbind,ro,rslave)";
  CHECK(step_text(list, 2) == bind);
  CHECK(step_text(list, 3) == bind + ": mount attributes");
  CHECK(step_text(list, 4) == bind);
}

TEST_CASE("a mount made by the parent shows the source the plan remembers") {
  StepList list;
  Step& attach = list.add(StepKind::kAttach);
  attach.a = list.slot(7);
  list.s0(attach, "/tmp");
  list.s1(attach, "tmpfs");
  CHECK(step_text(list, 0) == "mount \"tmpfs\" on \"/tmp\"");
}

TEST_CASE("process steps read as sentences") {
  StepList list;
  list.add(StepKind::kSetns).flags = CLONE_NEWNET;
  list.add(StepKind::kUnshare).flags = CLONE_NEWIPC | CLONE_NEWUTS;
  Step& ids = list.add(StepKind::kSetIds);
  ids.u0 = 1000;
  ids.u1 = 100;
  Step& limit = list.add(StepKind::kRlimit);
  limit.flags = RLIMIT_NOFILE;
  limit.u0 = 10;
  limit.u1 = 20;
  list.s0(list.add(StepKind::kMknod), "/dev/null");
  Step& find = list.add(StepKind::kFindProgram);
  std::string in_path[] = {"/bin/foo", "/usr/bin/foo"};
  list.v0(find, in_path);
  Step& exact = list.add(StepKind::kFindProgram);
  std::string one[] = {"/bin/foo"};
  list.v0(exact, one);
  list.v0(list.add(StepKind::kExec), one);
  CHECK(step_text(list, 0) == "join the network namespace");
  CHECK(step_text(list, 1) == "create the ipc and uts namespace");
  CHECK(step_text(list, 2, StepPart::kGid) == "set the group id to 100");
  CHECK(step_text(list, 2, StepPart::kUid) == "set the user id to 1000");
  CHECK(step_text(list, 3) == "set RLIMIT_NOFILE to soft 10, hard 20");
  CHECK(step_text(list, 4) == "create device \"/dev/null\"");
  CHECK(step_text(list, 5) == "find \"foo\" in PATH");
  CHECK(step_text(list, 6) == "execute \"/bin/foo\"");
  CHECK(step_text(list, 7) == "execute \"/bin/foo\"");
  CHECK(step_text(list, 99) == "start the container's process");
}

TEST_CASE("every kind has a sentence and a dump") {
  for (uint16_t kind = 1; kind < static_cast<uint16_t>(StepKind::kCount); ++kind) {
    StepList list;
    list.add(static_cast<StepKind>(kind));
    INFO(step_dump(list, 0));
    CHECK(step_text(list, 0).find("step of kind") == std::string::npos);
    CHECK(step_dump(list, 0) != "none");
  }
}

TEST_CASE("a dump shows the operands") {
  StepList list = two_mounts();
  CHECK(step_dump(list, 0) == "new_mount a=0 s0=\"proc\" v0=\"hidepid\",\"2\",\"ro\",\"\" u0=0xa");
  CHECK(step_dump(list, 4) == "attach a=1 s0=\"/data\"");
}
