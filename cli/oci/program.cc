// The command line of shoji-oci: global options, then a verb from the table.
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "base/log.h"
#include "cli/oci/verbs.h"

namespace shoji::cli {

namespace {

constexpr Option kGlobalOptions[] = {
    option<&Globals::debug>("debug", 0, "also log what is done"),
    option<&Globals::log>("log", 0, "append messages to this file too"),
    option<&Globals::log_format>("log-format", 0, "format of the log: text or json", "text"),
    option<&Globals::root>("root", 0, "directory of the containers' state, best on a tmpfs",
                           "/run/shoji-oci"),
    option<&Globals::cgroup_manager>("cgroup-manager", 0, "who manages control groups: cgroupfs", "cgroupfs"),
    option<&Globals::systemd_cgroup>("systemd-cgroup", 0,
                                     "let systemd manage control groups (not supported)"),
    accepted("criu", "path of criu; not used by any verb"),
    accepted("rootless", "true, false or auto; what is possible is found out by itself"),
    option<&Globals::version>("version", 'v', "print the version"),
};

// As runc: a user without root keeps the state below XDG_RUNTIME_DIR.
std::string default_root() {
  const char* runtime_dir = getenv("XDG_RUNTIME_DIR");
  if (geteuid() != 0 && runtime_dir != nullptr && *runtime_dir != '\0') return cat(runtime_dir, "/shoji-oci");
  return "/run/shoji-oci";
}

Result<> check_globals(Globals& globals) {
  if (globals.log_format != "text" && globals.log_format != "json")
    return fail(Kind::kInvalid, cat("invalid log format ", quote(globals.log_format), ": text or json"));
  if (globals.systemd_cgroup)
    return fail(Kind::kUnsupported, "--systemd-cgroup: the systemd cgroup driver is not supported");
  if (globals.cgroup_manager != "cgroupfs")
    return fail(Kind::kUnsupported,
                cat("--cgroup-manager ", quote(globals.cgroup_manager), " is not supported: use cgroupfs"));
  if (globals.root.empty()) globals.root = default_root();
  return {};
}

int show(std::string_view text) {
  if (Result<> printed = print(text); !printed) {
    report("", "", printed.error());
    return kExitError;
  }
  return kExitOk;
}

int unknown_verb(std::string_view name) {
  report("", "",
         Error{Kind::kInvalid, 0, cat("unknown command ", quote(name), "; shoji-oci --help lists them")});
  return kExitUnknownVerb;
}

int help_verb(std::span<const std::string> words) {
  if (words.empty()) return show(program_help());
  const Verb* verb = find_verb(words[0]);
  return verb != nullptr ? show(verb_help(*verb)) : unknown_verb(words[0]);
}

}  // namespace

int run_program(std::span<char* const> words) {
  // A closed pipe is an error to report, from stdout as from a hook that does not read its input.
  signal(SIGPIPE, SIG_IGN);
  Globals globals;
  Result<Parsed> parsed = parse_options(kGlobalOptions, &globals, words, Order::kOptionsFirst);
  LogFormat format = globals.log_format == "json" ? LogFormat::kJson : LogFormat::kText;
  Result<> logs = set_log({"shoji-oci", globals.log, format, globals.debug});
  for (const Error* error : {parsed ? nullptr : &parsed.error(), logs ? nullptr : &logs.error()}) {
    if (error == nullptr) continue;
    report("", "", *error);
    return kExitError;
  }
  if (globals.version) return show(version_text());
  if (parsed->help || parsed->arguments.empty()) return show(program_help());
  if (Result<> checked = check_globals(globals); !checked) {
    report("", "", checked.error());
    return kExitError;
  }
  std::string_view name = parsed->arguments[0];
  if (name == "help" || name == "h") return help_verb(std::span(parsed->arguments).subspan(1));
  const Verb* verb = find_verb(name);
  if (verb == nullptr) return unknown_verb(name);
  return verb->run(*verb, globals, words.last(parsed->arguments.size() - 1));
}

std::span<const Option> global_options() {
  return kGlobalOptions;
}

}  // namespace shoji::cli
