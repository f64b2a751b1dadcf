#include "runtime/keeper/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>

#include "base/io.h"
#include "base/pidfd.h"
#include "base/spawn.h"
#include "runtime/keeper/control.h"
#include "runtime/keeper/output.h"
#include "runtime/keeper/program.h"
#include "runtime/keeper/restart.h"
#include "spec/names.h"

namespace shoji {

namespace {

constexpr int64_t kNever = INT64_MAX;
constexpr int kLastReader = 5000;  // milliseconds

int64_t monotonic_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// A verb that waits for an answer.
struct Client {
  enum class Waits : uint8_t { kForWords, kForDown, kForExit, kForRestart };
  UniqueFd socket;
  Waits waits = Waits::kForWords;
};

// The last word to a verb. One that has gone meanwhile misses nothing.
void reply(Client& client, std::string_view text) {
  [[maybe_unused]] ssize_t sent =
      send(client.socket.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  client.socket.reset();
}

// Processes that lost their parent come to us; the program is for whoever collects it.
void reap_orphans(pid_t program) {
  siginfo_t info{};
  while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
    if (info.si_pid == program) return;
    waitpid(info.si_pid, nullptr, WNOHANG);
    info = {};
  }
}

class Keeper {
 public:
  explicit Keeper(const KeeperOptions& options) : options_(options) {}
  Result<> begin();
  Result<> loop();

 private:
  Result<> start();
  Result<> ended();
  void down(const PartitionExit& exit);
  Result<> finish();
  Result<> clean_up();
  Result<> poll_once();
  void accept_client();
  void hear(Client& client);
  std::string obey(Client& client, const std::vector<std::string_view>& words);
  std::string stop(const std::vector<std::string_view>& words);
  void answer(Client::Waits waits, std::string_view text);
  void report(std::string_view text);
  Result<> save();

  const KeeperOptions& options_;
  UniqueFd lock_, listener_;
  PartitionDefinition definition_;
  std::optional<Output> output_;
  std::optional<Program> program_;
  PartitionRun run_;
  RestartHistory history_;
  bool restarting_ = false;  // by a verb
  bool over_ = false;
  int end_ = 0;                // the last exit code
  int64_t launched_ = 0;       // monotonic ms
  int64_t start_at_ = kNever;  // when it is started again
  int64_t kill_at_ = kNever;   // when a stop has taken too long
  std::vector<Client> clients_;
};

std::string run_path(const KeeperOptions& options, std::string_view file) {
  return cat(options.store.run_directory(options.name), '/', file);
}

ProgramPlace place_of(const KeeperOptions& options, const std::string& id) {
  return {.state = options.state,
          .id = id,
          .bundle = run_path(options, "bundle"),
          .exits = run_path(options, "exit")};
}

Result<std::optional<LogWriter>> open_log(const KeeperOptions& options, const PartitionLogs& logs) {
  if (logs.driver == "none") return std::optional<LogWriter>();
  TRY_ASSIGN(LogWriter writer,
             LogWriter::open(options.store.directory(options.name),
                             {.format = logs.driver == "text" ? LogForm::kText : LogForm::kJson,
                              .max_size = logs.max_size,
                              .max_files = logs.max_files}));
  return std::optional(std::move(writer));
}

Result<> Keeper::begin() {
  TRY(make_directories(options_.store.run_directory(options_.name), 0700));
  TRY_ASSIGN(lock_, open_file(run_path(options_, "keeper"), O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  if (flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(Kind::kExists, cat("partition ", quote(options_.name), " has a keeper"));
  TRY_ASSIGN(definition_, options_.store.load(options_.name));
  TRY_ASSIGN(std::optional<LogWriter> log, open_log(options_, definition_.document.logs));
  TRY_ASSIGN(output_, Output::open(options_.store.run_directory(options_.name), std::move(log)));
  setsid();
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return fail_errno(errno, "become a subreaper");
  prctl(PR_SET_NAME, "shoji-keeper");
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  TRY(output_->become_standard(options_.store.run_directory(options_.name)));
  TRY_ASSIGN(ProcessFacts self, process_facts(getpid()));
  TRY_ASSIGN(std::optional<PartitionRun> before, options_.store.load_run(options_.name));
  if (before) {
    run_ = *before;
    history_.restarts = run_.restarts;
    TRY_ASSIGN(program_, Program::adopt(place_of(options_, definition_.id), run_));
  }
  run_.keeper = getpid();
  run_.keeper_started = self.start_time;
  TRY_ASSIGN(listener_, listen_for_verbs(run_path(options_, "control")));
  if (before) launched_ = monotonic_ms() - (time(nullptr) - run_.started) * 1000;
  if (program_) return save();
  // It ended while nobody kept it: what is left of it goes, its end is told, and the policy decides.
  if (before && before->pid != 0) {
    program_ = Program::remains(place_of(options_, definition_.id));
    return ended();
  }
  return start();
}

Result<> Keeper::save() {
  return options_.store.save_run(options_.name, run_);
}

Result<> Keeper::start() {
  start_at_ = kNever;
  Result<Program> launched = Program::launch(place_of(options_, definition_.id));
  if (!launched) {
    PartitionExit exit{.code = 127, .limit = {}, .reason = cat("cannot be started: ", launched.error().text)};
    exit.started = exit.finished = time(nullptr);
    if (launched_ == 0) {  // the first one: whoever started us gets the sentence
      over_ = true;
      return Failure(launched.error());
    }
    down(exit);
    return Failure(launched.error());
  }
  program_ = std::move(*launched);
  launched_ = monotonic_ms();
  run_.pid = program_->pid();
  run_.pid_started = program_->started();
  run_.started = time(nullptr);
  run_.restarts = history_.restarts;
  restarting_ = false;
  TRY(save());
  answer(Client::Waits::kForRestart, "ok");
  return {};
}

// The program has ended.
Result<> Keeper::ended() {
  kill_at_ = kNever;
  TRY(output_->drain());
  TRY_ASSIGN(PartitionExit exit, program_->collect());
  program_.reset();
  exit.started = run_.started;
  exit.finished = time(nullptr);
  run_.pid = 0;
  run_.pid_started = 0;
  TRY(options_.store.save_exit(options_.name, exit));
  auto lasted = static_cast<uint64_t>(std::max<int64_t>(monotonic_ms() - launched_, 0));
  std::optional<uint64_t> delay;
  if (restarting_)
    delay = 0;
  else
    delay = next_start(definition_.document.restart, history_, exit.code != 0, lasted);
  if (!delay) {
    down(exit);
    return {};
  }
  if (!restarting_) {
    ++history_.restarts;
    history_.in_a_row = lasted >= kGoodRun ? 0 : history_.in_a_row + 1;
  }
  run_.restarts = history_.restarts;
  start_at_ = monotonic_ms() + static_cast<int64_t>(*delay);
  return save();
}

// It stays down.
void Keeper::down(const PartitionExit& exit) {
  over_ = true;
  ignore(options_.store.save_exit(options_.name, exit), "whoever waits is told anyway");
  end_ = exit.code;
  answer(Client::Waits::kForExit, cat("exited ", exit.code));
  answer(Client::Waits::kForRestart, cat("error ", exit.reason));
}

void Keeper::answer(Client::Waits waits, std::string_view text) {
  for (Client& client : clients_) {
    if (client.waits == waits) reply(client, text);
  }
  std::erase_if(clients_, [](const Client& client) { return !client.socket; });
}

void Keeper::accept_client() {
  while (true) {
    UniqueFd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) return;
    clients_.push_back({.socket = std::move(socket)});
  }
}

std::string Keeper::stop(const std::vector<std::string_view>& words) {
  Result<int> number = words.size() == 3 ? parse_signal(words[1]) : fail(Kind::kInvalid, "words are missing");
  uint64_t patience = 0;
  if (words.size() == 3) std::from_chars(words[2].data(), words[2].data() + words[2].size(), patience);
  if (!number) return cat("error ", number.error().text);
  if (!program_) {  // between two runs
    start_at_ = restarting_ ? monotonic_ms() : kNever;
    if (restarting_) return {};
    auto exit = options_.store.load_exit(options_.name);
    down(exit && *exit ? **exit : PartitionExit{});
    return {};
  }
  kill_at_ = monotonic_ms() + static_cast<int64_t>(std::min<uint64_t>(patience, 1U << 30U));
  if (Result<> sent = program_->signal(*number); !sent) return cat("error ", sent.error().text);
  return {};
}

// The answer, or nothing while the client has to wait.
std::string Keeper::obey(Client& client, const std::vector<std::string_view>& words) {
  std::string_view verb = words.empty() ? "" : words[0];
  if (verb == "ping") return "ok";
  if (verb == "wait") {
    client.waits = Client::Waits::kForExit;
    return {};
  }
  if (verb == "stop") {
    history_.stopped = true;
    restarting_ = false;
    client.waits = Client::Waits::kForDown;
    return stop(words);
  }
  if (verb == "restart") {
    restarting_ = true;
    client.waits = Client::Waits::kForRestart;
    return stop(words);
  }
  return cat("error this keeper does not know ", quote(verb));
}

void Keeper::hear(Client& client) {
  char packet[kLargestPacket];
  ssize_t size = recv(client.socket.get(), packet, sizeof packet, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) {
    client.socket.reset();
    return;
  }
  // Once answered, or waiting, nothing more is expected of it.
  if (client.waits != Client::Waits::kForWords) return;
  std::string text = obey(client, split_words(std::string_view(packet, static_cast<size_t>(size))));
  if (!text.empty()) reply(client, text);
}

Result<> Keeper::poll_once() {
  std::vector<pollfd> fds = {{output_->fd(LogStream::kStdout), POLLIN, 0},
                             {output_->fd(LogStream::kStderr), POLLIN, 0},
                             {program_ ? program_->pidfd() : -1, POLLIN, 0},
                             {listener_.get(), POLLIN, 0}};
  const size_t fixed = fds.size();
  for (const Client& client : clients_) fds.push_back({client.socket.get(), POLLIN, 0});
  int64_t deadline = std::min(start_at_, kill_at_);
  int64_t left = deadline == kNever ? -1 : std::clamp<int64_t>(deadline - monotonic_ms(), 0, 1 << 30);
  if (poll(fds.data(), fds.size(), static_cast<int>(left)) < 0 && errno != EINTR)
    return fail_errno(errno, "poll");
  if (fds[0].revents != 0) TRY(output_->take(LogStream::kStdout));
  if (fds[1].revents != 0) TRY(output_->take(LogStream::kStderr));
  // Clients first: what they sent before the end counts.
  for (size_t i = 0; i + fixed < fds.size(); ++i)
    if (fds[fixed + i].revents != 0) hear(clients_[i]);
  std::erase_if(clients_, [](const Client& client) { return !client.socket; });
  if (fds[3].revents != 0) accept_client();
  if (fds[2].revents != 0) TRY(ended());
  reap_orphans(program_ ? program_->pid() : 0);
  int64_t now = monotonic_ms();
  if (program_ && kill_at_ <= now) {
    kill_at_ = kNever;
    TRY(program_->kill());
  }
  if (!over_ && start_at_ <= now) TRY(start());
  return {};
}

// Takes back what was prepared, and tells those who waited for that.
Result<> Keeper::finish() {
  report(cat("exited ", end_));
  // Whoever started us may still be reading a log that is about to be removed.
  if (definition_.remove && options_.report >= 0) {
    pollfd reader{options_.report, 0, 0};
    poll(&reader, 1, kLastReader);
  }
  Result<> done = clean_up();
  answer(Client::Waits::kForDown, done ? "ok" : cat("error ", done.error().text));
  return done;
}

Result<> Keeper::clean_up() {
  if (!options_.cleanup.empty()) {
    SpawnRequest request{.path = options_.cleanup[0],
                         .args = options_.cleanup,
                         .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                         .join = {}};
    TRY_ASSIGN(Captured done, run_captured(request, "", 60'000));
    if (done.status != 0 || done.timed_out)
      return fail(Kind::kState,
                  cat("clean up after partition ", quote(options_.name), ": ", status_text(done.status)));
  }
  return options_.store.forget_run(options_.name);
}

void Keeper::report(std::string_view text) {
  if (options_.report < 0) return;
  ignore(write_all(options_.report, cat(text, '\n'), "report"), "nobody may be waiting any more");
}

Result<> Keeper::loop() {
  report("ok");
  while (!over_) {
    Result<> round = poll_once();
    if (round) continue;
    // Whatever went wrong, the partition is not left half kept.
    if (!over_) return round;
  }
  return finish();
}

}  // namespace

Result<> keep_partition(const KeeperOptions& options) {
  Keeper keeper(options);
  Result<> begun = keeper.begin();
  if (begun) return keeper.loop();
  if (begun.error().kind != Kind::kExists)
    ignore(options.store.forget_run(options.name), "the first error counts");
  if (options.report >= 0)
    ignore(write_all(options.report, begun.error().text + "\n", "report"), "nobody may be waiting any more");
  return begun;
}

}  // namespace shoji
