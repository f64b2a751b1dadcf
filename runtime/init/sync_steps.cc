// Steps that talk with the parent, and the fork into a pid namespace. Packets are those of base/step.h.
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>

#include "runtime/init/freestanding.h"
#include "runtime/init/raw.h"
#include "runtime/init/walker.h"

namespace shoji {
namespace {

// The kernel's layouts of struct iovec, msghdr and cmsghdr (sendmsg(2)), without libc's headers.
struct IoVector {
  const void* base;
  size_t length;
};
struct MessageHeader {
  void* name;
  int name_length;
  IoVector* vectors;
  size_t vector_count;
  void* control;
  size_t control_length;
  int flags;
};
struct alignas(8) DescriptorMessage {
  size_t length;
  int level;
  int type;
  int fd;
};
constexpr int kSolSocket = 1;
constexpr int kScmRights = 1;
constexpr int kMsgNoSignal = 0x4000;

constexpr int kParentGone = 1;  // exit status when nobody is left to tell

}  // namespace

long SyncSteps::none(Walker& /*w*/, const Step& /*step*/) {
  return 0;
}

long SyncSteps::send(Walker& w, const Message& message, int fd) {
  IoVector vector{&message, sizeof message};
  DescriptorMessage descriptor{sizeof(size_t) + 2 * sizeof(int) + sizeof(int), kSolSocket, kScmRights, fd};
  MessageHeader header{};
  header.vectors = &vector;
  header.vector_count = 1;
  if (fd >= 0) {
    header.control = &descriptor;
    header.control_length = sizeof descriptor;
  }
  long n = 0;
  do {
    n = raw::call(SYS_sendmsg, w.header_->socket, &header, kMsgNoSignal);
  } while (n == -EINTR);
  return n < 0 ? n : 0;
}

// The parent answers with one byte. Its death closes the socket: nothing may go on then, the container was never
// made.
long SyncSteps::wait_for_go(Walker& w) {
  char answer = 0;
  long n = 0;
  do {
    n = raw::read(w.header_->socket, &answer, 1);
  } while (n == -EINTR);
  if (n != 1 || answer != kGo) raw::exit_group(kParentGone);
  return 0;
}

long SyncSteps::sync(Walker& w, const Step& step) {
  Message message{};
  message.kind = MessageKind::kSync;
  message.value = static_cast<uint32_t>(step.u0);
  long result = send(w, message, -1);
  return result < 0 ? result : wait_for_go(w);
}

// setns and unshare put only children into a pid namespace. CLONE_PARENT makes the child the runtime's own, so that
// the runtime can wait for it; it waits until the parent knows its number.
long SyncSteps::fork(Walker& w, const Step& /*step*/) {
  long pid =
      raw::call(SYS_clone, static_cast<uint64_t>(CLONE_PARENT | SIGCHLD), nullptr, nullptr, nullptr, nullptr);
  if (pid < 0) return w.at(StepPart::kClone, pid);
  if (pid == 0) return wait_for_go(w);
  Message message{};
  message.kind = MessageKind::kForked;
  message.value = static_cast<uint32_t>(pid);
  long result = send(w, message, -1);
  raw::exit_group(result < 0 ? kParentGone : 0);
}

// The start FIFO is open for reading and writing here, so that a verb which only looks whether somebody reads it does
// not wake us with an end of file.
long SyncSteps::gate(Walker& w, const Step& step) {
  char answer = 0;
  long n = 0;
  do {
    n = raw::read(w.slot(step.a), &answer, 1);
  } while (n == -EINTR || n == 0);
  return n < 0 ? n : 0;
}

long SyncSteps::report(Walker& w, const Step& step) {
  w.report_ = w.slot(step.a);
  return 0;
}

}  // namespace shoji
