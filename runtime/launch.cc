#include "runtime/launch.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>

#include "base/log.h"
#include "base/pidfd.h"
#include "base/step_text.h"
#include "runtime/clone.h"
#include "runtime/init_image.h"

namespace shoji {
namespace {

constexpr size_t kChildStack = size_t{16} * 1024;

// What the cloned child needs. It shares our memory and must not change any of it but `err`.
struct Entry {
  const LaunchRequest* request = nullptr;
  int program = -1;
  int socket = -1;
  const char* argv[5] = {};
  int err = 0;
};

void keep_open(int fd) {
  syscall(SYS_fcntl, fd, F_SETFD, 0);
}

// Puts request.stdio on 0, 1, 2, through copies above 2 because the sources may be among them.
bool place_stdio(const int (&stdio)[3]) {
  if (stdio[0] == 0 && stdio[1] == 1 && stdio[2] == 2) return true;
  int copies[3];
  for (int i = 0; i < 3; ++i) {
    copies[i] = fcntl(stdio[i], F_DUPFD_CLOEXEC, 3);
    if (copies[i] < 0) return false;
  }
  for (int i = 0; i < 3; ++i) {
    if (dup3(copies[i], i, 0) < 0) return false;
  }
  return true;
}

// Runs in the child between clone and exec, on our memory: system calls only.
void enter(void* argument) {
  auto* entry = static_cast<Entry*>(argument);
  const LaunchRequest& request = *entry->request;
  if (!place_stdio(request.stdio)) {
    entry->err = errno;
    _exit(127);
  }
  keep_open(entry->program);
  keep_open(entry->socket);
  if (request.proc_fd >= 0) keep_open(request.proc_fd);
  for (int fd : request.inherited) keep_open(fd);
  static constexpr char* const kNoEnvironment[] = {nullptr};
  syscall(SYS_execveat, entry->program, "", entry->argv, kNoEnvironment, AT_EMPTY_PATH);
  entry->err = errno;
  _exit(127);
}

// argv of shoji-init: numbers as text, made before the clone.
struct Numbers {
  char text[3][24];
  Numbers(uint64_t a, uint64_t b, uint64_t c) {
    uint64_t values[] = {a, b, c};
    for (int i = 0; i < 3; ++i) *std::to_chars(text[i], text[i] + sizeof text[i] - 1, values[i]).ptr = '\0';
  }
};

// What became of a child that went silent.
std::string last_words(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) return "the container's first process ended before its program ran";
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
    return "the container's first process was killed before its program ran (is the memory limit too low?)";
  if (WIFSIGNALED(status))
    return cat("the container's first process was ended by signal ", WTERMSIG(status),
               " before its program ran");
  return cat("the container's first process exited with status ", WEXITSTATUS(status),
             " before its program ran");
}

}  // namespace

Result<Child> launch(const LaunchRequest& request) {
  if (log_wants_debug()) {
    for (uint32_t i = 0; i < request.plan->steps().size(); ++i)
      log(LogLevel::kDebug, cat("step ", i, ": ", step_dump(*request.plan, i)));
  }
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return fail_errno(errno, "make a socket pair");
  UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  TRY_ASSIGN(InitProgram program, make_init_program(request.plan->blob(theirs.get(), request.proc_fd)));

  Numbers numbers(static_cast<uint64_t>(program.fd.get()), program.plan_offset, program.plan_size);
  Entry entry{&request,
              program.fd.get(),
              theirs.get(),
              {"shoji-init", numbers.text[0], numbers.text[1], numbers.text[2], nullptr}};
  alignas(16) static char stack[kChildStack];
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | request.clone_flags;
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  arguments.stack = reinterpret_cast<uint64_t>(stack);
  arguments.stack_size = sizeof stack;
  if (request.cgroup_fd >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<uint64_t>(request.cgroup_fd);
  }
  long pid = clone_child(arguments, enter, &entry);
  if (pid < 0) return fail_errno(static_cast<int>(-pid), "clone the container's first process");

  Child child;
  child.plan_ = request.plan;
  child.pid_ = static_cast<pid_t>(pid);
  child.pidfd_ = UniqueFd(pidfd);
  child.socket_ = std::move(ours);
  if (entry.err != 0) return fail_errno(entry.err, "execute the init program");
  return child;
}

Child::Child(Child&& other) noexcept
    : plan_(other.plan_),
      pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      socket_(std::move(other.socket_)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this == &other) return *this;
  end();
  plan_ = other.plan_;
  pid_ = std::exchange(other.pid_, -1);
  pidfd_ = std::move(other.pidfd_);
  socket_ = std::move(other.socket_);
  return *this;
}

Child::~Child() {
  end();
}

void Child::end() {
  if (pid_ < 0) return;
  ignore(pidfd_signal(pidfd_.get(), SIGKILL), "it may have ended by itself");
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void Child::detach() {
  pid_ = -1;
  socket_.reset();
}

Error Child::failure(uint32_t index, uint32_t detail, int err, const char* text) const {
  uint32_t part = detail & ((1U << kDetailKindShift) - 1);
  std::string sentence = step_text(*plan_, index, static_cast<StepPart>(part));
  const Step& step = plan_->steps()[index];
  if (step.kind == StepKind::kFindProgram && err == ENOENT && step.v0_len != 1)
    return Error{Kind::kNotFound, err, cat(sentence, ": executable file not found in $PATH")};
  Error error = fail_errno(err, sentence).error();
  if (*text != '\0') error.text += cat(" (", std::string_view(text), ")");
  return error;
}

namespace {

struct Packet {
  Message message{};
  UniqueFd fd;
};

// Empty at the end of file.
Result<bool> receive(int socket, Packet& packet) {
  iovec vector{&packet.message, sizeof packet.message};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t n = 0;
  do {
    n = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  if (n < 0 && errno != ECONNRESET) return fail_errno(errno, "hear from the container's first process");
  if (n != static_cast<ssize_t>(sizeof packet.message)) return false;
  cmsghdr* item = CMSG_FIRSTHDR(&header);
  if (item != nullptr && item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    memcpy(&fd, CMSG_DATA(item), sizeof fd);
    packet.fd.reset(fd);
  }
  return true;
}

Result<> answer(int socket) {
  if (send(socket, &kGo, 1, MSG_NOSIGNAL) != 1)
    return fail_errno(errno, "answer the container's first process");
  return {};
}

}  // namespace

Result<> Child::take_message(LaunchAnswers& answers, bool& ready) {
  Packet packet;
  TRY_ASSIGN(bool open, receive(socket_.get(), packet));
  if (!open) return fail(Kind::kSystem, last_words(std::exchange(pid_, -1)));
  const Message& message = packet.message;
  switch (message.kind) {
    case MessageKind::kFailed:
      return std::unexpected(failure(message.value, message.detail, message.err, message.text));
    case MessageKind::kForked: {
      // The one that forked exits; from here on its child is ours (CLONE_PARENT).
      while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
      }
      pid_ = static_cast<pid_t>(message.value);
      TRY_ASSIGN(pidfd_, pidfd_open(pid_));
      return answer(socket_.get());
    }
    case MessageKind::kConsole:
      return answers.console ? answers.console(std::move(packet.fd)) : Result<>();
    case MessageKind::kSync:
      break;
  }
  switch (static_cast<SyncPoint>(message.value)) {
    case SyncPoint::kReady:
      ready = true;
      return {};
    case SyncPoint::kMapIds:
      if (answers.map_ids) TRY(answers.map_ids(pid_));
      break;
    case SyncPoint::kTimeOffsets:
      if (answers.time_offsets) TRY(answers.time_offsets(pid_));
      break;
    case SyncPoint::kNetDevices:
      if (answers.net_devices) TRY(answers.net_devices(pid_));
      break;
    case SyncPoint::kCreateHooks:
      if (answers.create_hooks) TRY(answers.create_hooks(pid_));
      break;
  }
  return answer(socket_.get());
}

Result<> Child::until_ready(LaunchAnswers& answers) {
  bool ready = false;
  while (!ready) TRY(take_message(answers, ready));
  return {};
}

Result<> Child::go() {
  return answer(socket_.get());
}

// The socket is close-on-exec in the child: its end of file is the sign that the program runs. A child that died
// instead has reported before.
Result<> Child::until_running() {
  Packet packet;
  TRY_ASSIGN(bool reported, receive(socket_.get(), packet));
  if (!reported) return {};
  const Message& message = packet.message;
  return std::unexpected(failure(message.value, message.detail, message.err, message.text));
}

}  // namespace shoji
