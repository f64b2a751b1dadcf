#include <poll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <csignal>

#include "base/io.h"
#include "base/rollback.h"
#include "cli/operator/partition/partition_options.h"
#include "cli/operator/partition/world.h"
#include "cli/operator/ready_image.h"
#include "cli/operator/verbs.h"
#include "runtime/keeper/control.h"
#include "runtime/keeper/log_reader.h"
#include "spec/names.h"

namespace shoji::cli::op {

namespace {

struct RunOptions : PartitionOptions {
  bool detach = false, remove = false;
  std::string pull = "missing";
  [[nodiscard]] Result<> check(const Arguments& arguments) const {
    TRY(parse_pull_policy(pull));
    if (spec == "-") return {};  // it can be read once
    TRY(partition(arguments));
    return {};
  }
};

constexpr auto kOptions =
    joined(partition_options<RunOptions>(),
           std::array{
               option<&RunOptions::detach>("detach", 'd', "leave it running, and print its name"),
               option<&RunOptions::remove>("rm", 0, "remove it when it is down for good"),
               option<&RunOptions::pull>("pull", 0, "bring the image: missing, always or never", "missing"),
           });
constexpr auto kCreateOptions = joined(
    partition_options<RunOptions>(),
    std::array{option<&RunOptions::pull>("pull", 0, "bring the image: missing, always or never", "missing")});

Result<std::string> random_id() {
  unsigned char bytes[32];
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return fail_errno(errno, "getrandom");
  std::string out;
  for (unsigned char byte : bytes) {
    out += "0123456789abcdef"[byte >> 4U];
    out += "0123456789abcdef"[byte & 15U];
  }
  return out;
}

// What the document may say and nobody does.
Result<> check_provided(const Partition& document) {
  const std::pair<std::string_view, bool> kNotProvided[] = {
      {"/health", document.health.has_value()},
      {"/hooks", !document.hooks.empty()},
      {"/autostart", document.autostart.enabled},
      {"/terminal", document.terminal},
      {"/stdinOpen", document.stdin_open},
      {"/logs/driver", document.logs.driver == "journald" || document.logs.driver == "syslog"},
      {"/security/seccomp", document.security.seccomp != "default"},
  };
  for (const auto& [pointer, wanted] : kNotProvided)
    if (wanted) return fail(Kind::kUnsupported, cat(pointer, ": not supported"));
  for (size_t i = 0; i < document.volumes.size(); ++i)
    if (document.volumes[i].type == VolumeType::kVolume)
      return fail(Kind::kUnsupported, cat("/volumes/", i, ": named volumes are not supported"));
  return {};
}

struct Made {
  std::string name;
  int exit_code = kExitOk;  // not 0: of shoji-image, which said why there is no image
  Kept kept;
};

// The root of the image, with the partition's limit of disk.
Result<int> make_root(const Globals& globals, const World& world, const RunOptions& options,
                      PartitionDefinition& definition) {
  const Partition& document = definition.document;
  if (!document.rootfs.empty()) return kExitOk;
  TRY_ASSIGN(PullPolicy policy, parse_pull_policy(options.pull));
  TRY_ASSIGN(ReadyImage ready, ready_image(globals, world.images, document.image, policy));
  if (!ready.image) return ready.exit_code;
  definition.image = ready.image->target.digest.text();
  images::RootOptions how;
  if (document.limits.disk) how.quota_bytes = document.limits.disk->value;
  how.quota_inodes = document.limits.inodes.value_or(0);
  TRY(images::create_root(world.images, document.name, document.image, *ready.image, how));
  return kExitOk;
}

Result<Made> make_partition(const Globals& globals, const World& world, const RunOptions& options,
                            const Arguments& arguments, bool wanted) {
  PartitionDefinition definition;
  TRY_ASSIGN(definition.document, options.partition(arguments));
  TRY(check_provided(definition.document));
  TRY_ASSIGN(definition.id, random_id());
  if (definition.document.name.empty()) definition.document.name = definition.id.substr(0, 12);
  definition.created = time(nullptr);
  definition.remove = options.remove;
  definition.wanted = wanted;
  const std::string& name = definition.document.name;
  TRY_ASSIGN(PartitionStore::Locked locked, world.world.partitions.reserve(name));
  Rollback rollback;
  rollback.add([&] { ignore(world.world.partitions.remove(locked), "the first error counts"); });
  TRY_ASSIGN(int code, make_root(globals, world, options, definition));
  if (code != kExitOk) return Made{name, code, {}};
  rollback.add([&] { ignore(images::remove_root(world.images, name), "the first error counts"); });
  TRY(world.world.partitions.save(locked, definition));
  Made made{name, kExitOk, {}};
  if (wanted) {
    TRY_ASSIGN(made.kept, start_partition(globals, world, definition));
  }
  rollback.commit();
  return made;
}

Result<> copy_out(const LogLine& line) {
  return write_all(line.stream == LogStream::kStderr ? STDERR_FILENO : STDOUT_FILENO, line.text, "output");
}

// Shows what it writes until it is down for good, hands signals on, and returns the program's exit code.
Result<int> stay_with(const Globals& globals, Made& made, uint64_t stop_timeout) {
  sigset_t signals;
  sigemptyset(&signals);
  for (int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&signals, number);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  UniqueFd caught(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  UniqueFd stopping;
  auto ended = [&] {
    pollfd fds[2] = {{made.kept.end.get(), POLLIN, 0}, {caught.get(), POLLIN, 0}};
    poll(fds, 2, 0);
    signalfd_siginfo info{};
    if (fds[1].revents != 0 && read(caught.get(), &info, sizeof info) == sizeof info)
      if (auto told =
              tell_keeper(control_of(globals, made.name),
                          cat("stop ", signal_name(static_cast<int>(info.ssi_signo)), ' ', stop_timeout)))
        stopping = std::move(*told);
    return fds[0].revents != 0;
  };
  Result<> shown;
  Result<> copied = read_log(
      open_partitions(globals).directory(made.name), {.follow = true},
      [&](const LogLine& line) { return (shown = copy_out(line)).has_value(); }, ended);
  // Gone already, with its log: it ended and was removed at once.
  if (!copied && copied.error().kind != Kind::kNotFound) return Failure(copied.error());
  char said[32] = {};
  ssize_t size = 0;
  do {
    size = read(made.kept.end.get(), said, sizeof said - 1);
  } while (size < 0 && errno == EINTR);
  // A partition that is to go then is gone when we return.
  made.kept.end.reset();
  waitpid(made.kept.keeper, nullptr, 0);
  if (!std::string_view(said).starts_with("exited "))
    return fail(Kind::kState, "its keeper was killed; it may still run");
  int code = kExitError;
  std::from_chars(said + 7, said + size, code);
  return code;
}

Result<int> run(const Globals& globals, RunOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Store images, open_store(globals, images::Store::Access::kWrite));
  World world(std::move(images), globals);
  TRY_ASSIGN(Made made, make_partition(globals, world, options, arguments, true));
  if (made.exit_code != kExitOk) return made.exit_code;
  if (!options.detach) return stay_with(globals, made, uint64_t{options.stop_timeout} * 1000);
  TRY(print(made.name + "\n"));
  return kExitOk;
}

Result<int> create(const Globals& globals, RunOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Store images, open_store(globals, images::Store::Access::kWrite));
  World world(std::move(images), globals);
  TRY_ASSIGN(Made made, make_partition(globals, world, options, arguments, false));
  if (made.exit_code != kExitOk) return made.exit_code;
  TRY(print(made.name + "\n"));
  return kExitOk;
}

}  // namespace

constinit const Verb run_verb = {
    .name = "run",
    .arguments = "<image> [command] [arguments...]",
    .summary = "make a partition of an image and run its program",
    .description =
        "   Options come before the image: what follows it is the program. In the foreground it shows what "
        "the\n"
        "   program writes, hands signals on, and exits as the program exits. Networks: without --network "
        "it\n"
        "   has a network of its own with nothing on it.",
    .options = kOptions,
    .order = Order::kOptionsFirst,
    .names_subject = true,
    .candidates = kImageNames,
    .run = parse_and_run<RunOptions, run>,
};
constinit const Verb create_verb = {
    .name = "create",
    .arguments = "<image> [command] [arguments...]",
    .summary = "make a partition of an image, to be started later",
    .description = "   Options come before the image: what follows it is the program.",
    .options = kCreateOptions,
    .order = Order::kOptionsFirst,
    .names_subject = true,
    .candidates = kImageNames,
    .run = parse_and_run<RunOptions, create>,
};

}  // namespace shoji::cli::op
