// Checks of the `process` section (config.md, "Process").
#include <array>

#include "spec/cpu_list.h"
#include "spec/names.h"
#include "spec/validate.h"
#include "spec/validators.h"

namespace shoji {
namespace {

using validators::invalid;

Result<> command(const Process& process) {
  if (process.args.empty()) return invalid("/process/args", "missing");
  if (process.args.front().empty()) return invalid("/process/args/0", "empty");
  if (!validators::is_absolute(process.cwd)) {
    return invalid("/process/cwd", cat(quote(process.cwd), " is not an absolute path"));
  }
  for (size_t i = 0; i < process.env.size(); ++i) {
    size_t equals = process.env[i].find('=');
    if (equals == std::string::npos || equals == 0) {
      return invalid(cat("/process/env/", i), cat(quote(process.env[i]), " is not of the form NAME=value"));
    }
  }
  return {};
}

Result<> user(const Process& process) {
  if (process.user.umask && *process.user.umask > 0777) {
    return invalid("/process/user/umask",
                   cat(*process.user.umask, " is greater than ", 0777, " (octal 777)"));
  }
  return {};
}

// The kernel keeps a terminal's size in 16 bits (struct winsize).
Result<> console(const Process& process) {
  if (!process.terminal || !process.console_size) return {};
  if (process.console_size->height > 65535)
    return invalid("/process/consoleSize/height", "greater than 65535");
  if (process.console_size->width > 65535) return invalid("/process/consoleSize/width", "greater than 65535");
  return {};
}

Result<> rlimit_list(const Process& process) {
  uint64_t seen = 0;
  for (size_t i = 0; i < process.rlimits.size(); ++i) {
    const Rlimit& limit = process.rlimits[i];
    std::string pointer = cat("/process/rlimits/", i);
    std::optional<int64_t> number = find_number(rlimits(), limit.type);
    if (!number)
      return invalid(cat(pointer, "/type"), cat(quote(limit.type), " is not one of ", list_names(rlimits())));
    if ((seen >> *number & 1) != 0) return invalid(pointer, cat(limit.type, " is there twice"));
    seen |= uint64_t{1} << *number;
    if (limit.soft > limit.hard) {
      return invalid(pointer, cat(limit.type, ": the soft limit ", limit.soft,
                                  " is greater than the hard limit ", limit.hard));
    }
  }
  return {};
}

// oom_score_adj in proc(5).
Result<> oom_score(const Process& process) {
  if (process.oom_score_adj && (*process.oom_score_adj < -1000 || *process.oom_score_adj > 1000)) {
    return invalid("/process/oomScoreAdj", cat(*process.oom_score_adj, " is not between -1000 and 1000"));
  }
  return {};
}

// sched_setattr(2): which fields a policy reads.
Result<> scheduler(const Process& process) {
  if (!process.scheduler) return {};
  const Scheduler& wanted = *process.scheduler;
  if (wanted.nice && (*wanted.nice < -20 || *wanted.nice > 19)) {
    return invalid("/process/scheduler/nice", cat(*wanted.nice, " is not between -20 and 19"));
  }
  bool realtime = wanted.policy == "SCHED_FIFO" || wanted.policy == "SCHED_RR";
  if (wanted.priority.value_or(0) != 0 && !realtime) {
    return invalid("/process/scheduler/priority",
                   cat("has no meaning for ", wanted.policy, ", only for SCHED_FIFO and SCHED_RR"));
  }
  if (wanted.policy == "SCHED_DEADLINE") return {};
  for (auto [name, value] :
       {std::pair{"runtime", wanted.runtime}, {"deadline", wanted.deadline}, {"period", wanted.period}}) {
    if (value.value_or(0) == 0) continue;
    return invalid(cat("/process/scheduler/", name),
                   cat("has no meaning for ", wanted.policy, ", only for SCHED_DEADLINE"));
  }
  return {};
}

// ioprio_set(2): eight levels in each class.
Result<> io_priority(const Process& process) {
  if (!process.io_priority) return {};
  if (process.io_priority->priority < 0 || process.io_priority->priority > 7) {
    return invalid("/process/ioPriority/priority",
                   cat(process.io_priority->priority, " is not between 0 and 7"));
  }
  return {};
}

Result<> affinity(const Process& process) {
  if (!process.exec_cpu_affinity) return {};
  for (auto [name, list] : {std::pair{"initial", &process.exec_cpu_affinity->initial},
                            {"final", &process.exec_cpu_affinity->final}}) {
    auto mask = parse_cpu_list(*list);
    if (!mask)
      return std::unexpected(within(cat("/process/execCPUAffinity/", name), std::move(mask).error()));
  }
  return {};
}

constexpr auto kChecks = std::to_array<Result<> (*)(const Process&)>(
    {command, user, console, rlimit_list, oom_score, scheduler, io_priority, affinity});

}  // namespace

Result<> validate_process(const Process& process) {
  for (auto* check : kChecks) TRY(check(process));
  return {};
}

}  // namespace shoji
