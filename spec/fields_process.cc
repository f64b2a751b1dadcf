// The `process` section (config.md, "Process").
#include "spec/field_sections.h"

namespace shoji {

using namespace field_table;

Result<> read(Json value, ConsoleSize& out) {
  static constexpr Row kRows[] = {
      field<&ConsoleSize::height>("height", kRequired),
      field<&ConsoleSize::width>("width", kRequired),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, User& out) {
  static constexpr Row kRows[] = {
      field<&User::uid>("uid"),           field<&User::gid>("gid"),
      field<&User::umask>("umask"),       field<&User::additional_gids>("additionalGids"),
      field<&User::username>("username"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, Capabilities& out) {
  static constexpr Row kRows[] = {
      field<&Capabilities::bounding>("bounding"),       field<&Capabilities::permitted>("permitted"),
      field<&Capabilities::effective>("effective"),     field<&Capabilities::ambient>("ambient"),
      field<&Capabilities::inheritable>("inheritable"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, Rlimit& out) {
  static constexpr Row kRows[] = {
      name_field<&Rlimit::type, rlimits>("type", kRequired),
      field<&Rlimit::hard>("hard", kRequired),
      field<&Rlimit::soft>("soft", kRequired),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, IoPriority& out) {
  static constexpr Row kRows[] = {
      name_field<&IoPriority::priority_class, io_priority_classes>("class", kRequired),
      field<&IoPriority::priority>("priority"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, Scheduler& out) {
  static constexpr Row kRows[] = {
      name_field<&Scheduler::policy, scheduler_policies>("policy", kRequired),
      field<&Scheduler::nice>("nice"),
      field<&Scheduler::priority>("priority"),
      name_field<&Scheduler::flags, scheduler_flags>("flags"),
      field<&Scheduler::runtime>("runtime"),
      field<&Scheduler::deadline>("deadline"),
      field<&Scheduler::period>("period"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, ExecCpuAffinity& out) {
  static constexpr Row kRows[] = {
      field<&ExecCpuAffinity::initial>("initial"),
      field<&ExecCpuAffinity::final>("final"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, Process& out) {
  static constexpr Row kRows[] = {
      field<&Process::terminal>("terminal"),
      field<&Process::console_size>("consoleSize"),
      field<&Process::user>("user"),
      field<&Process::args>("args"),
      refused("commandLine", "a command line is Windows' form of args and is not supported"),
      field<&Process::env>("env"),
      field<&Process::cwd>("cwd", kRequired),
      field<&Process::capabilities>("capabilities"),
      field<&Process::rlimits>("rlimits"),
      field<&Process::no_new_privileges>("noNewPrivileges"),
      field<&Process::apparmor_profile>("apparmorProfile"),
      field<&Process::oom_score_adj>("oomScoreAdj"),
      field<&Process::scheduler>("scheduler"),
      field<&Process::selinux_label>("selinuxLabel"),
      field<&Process::io_priority>("ioPriority"),
      field<&Process::exec_cpu_affinity>("execCPUAffinity"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

}  // namespace shoji
