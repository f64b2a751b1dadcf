// bench-load: see bench/README.md, and --help.
#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>

#include "base/io.h"
#include "bench/load/options.h"
#include "cli/verb.h"

namespace {

constexpr int kSomeFailed = 3;
volatile std::sig_atomic_t g_stop = 0;

int say(const shoji::Error& error) {
  shoji::ignore(
      shoji::write_all(STDERR_FILENO, shoji::cat("bench-load: ", error.text, "\n"), "standard error"),
      "there is nobody else to tell");
  return shoji::cli::kExitError;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace shoji;
  struct sigaction stop = {};
  stop.sa_handler = [](int) { g_stop = 1; };
  for (int signal : {SIGINT, SIGTERM}) sigaction(signal, &stop, nullptr);
  // Connections that wait are descriptors: as many as may be had without asking anybody.
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  // Timers of ordinary processes may be 50 us late by default, a good part of an answer's time.
  prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  Result<load::Command> command = load::parse_command({argv + (argc > 0 ? 1 : 0), argv + argc});
  if (!command) return say(command.error());
  if (command->help) return cli::print(load::help_text()) ? cli::kExitOk : cli::kExitError;
  Result<load::Report> report = load::run_load(command->settings, &g_stop);
  if (!report) return say(report.error());
  if (Result<> printed = cli::print(command->json ? load::print_json(*report) : load::print_text(*report));
      !printed)
    return say(printed.error());
  return report->failed() == 0 ? cli::kExitOk : kSomeFailed;
}
