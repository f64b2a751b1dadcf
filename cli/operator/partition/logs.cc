#include <poll.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/operator/partition/world.h"
#include "cli/operator/verbs.h"
#include "runtime/keeper/control.h"
#include "runtime/keeper/log_reader.h"

namespace shoji::cli::op {

namespace {

struct LogsOptions {
  bool follow = false, timestamps = false;
  std::string since, until, grep;
  std::optional<uint32_t> tail;
};
constexpr Option kOptions[] = {
    option<&LogsOptions::follow>("follow", 'f', "go on until the partition is down for good"),
    option<&LogsOptions::since>("since", 0, "lines from this time on, as 2026-11-23T10:00:00Z"),
    option<&LogsOptions::until>("until", 0, "lines up to this time"),
    option<&LogsOptions::tail>("tail", 'n', "only so many of the last lines"),
    option<&LogsOptions::grep>("grep", 0, "only lines with this text"),
    option<&LogsOptions::timestamps>("timestamps", 't', "the time before each line"),
};

Result<int> logs(const Globals& globals, LogsOptions& options, Arguments& arguments) {
  PartitionStore store = open_partitions(globals);
  TRY_ASSIGN(std::string name, store.resolve(arguments[0]));
  LogQuery query{.since = options.since, .until = options.until, .grep = options.grep};
  if (options.tail) query.tail = *options.tail;
  // Whether anything may still come, the keeper knows: its answer ends the following.
  UniqueFd waiting;
  if (options.follow)
    if (auto told = tell_keeper(control_of(globals, name), "wait")) {
      waiting = std::move(*told);
      query.follow = true;
    }
  auto ended = [&] {
    pollfd answer{waiting.get(), POLLIN, 0};
    return poll(&answer, 1, 0) != 0;
  };
  Result<> written;
  TRY(read_log(
      store.directory(name), query,
      [&](const LogLine& line) {
        int to = line.stream == LogStream::kStderr ? STDERR_FILENO : STDOUT_FILENO;
        written = write_all(to, options.timestamps ? cat(line.time, ' ', line.text) : line.text, "output");
        return written.has_value();
      },
      ended));
  TRY(std::move(written));
  return kExitOk;
}

}  // namespace

constinit const Verb logs_verb = {
    .name = "logs",
    .arguments = "<partition>",
    .summary = "show what a partition's program wrote",
    .options = kOptions,
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kPartitionNames,
    .run = parse_and_run<LogsOptions, logs>,
};

}  // namespace shoji::cli::op
