// The command line of shoji-oci: global options, then a verb from the table.
#include <unistd.h>

#include <cstdlib>

#include "cli/oci/libseccomp_version.h"
#include "cli/oci/verbs.h"
#include "spec/spec.h"

namespace shoji::cli::oci {

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

Start start(const void* target) {
  const auto& globals = *static_cast<const Globals*>(target);
  LogFormat format = globals.log_format == "json" ? LogFormat::kJson : LogFormat::kText;
  return {{"shoji-oci", globals.log, format, globals.debug}, globals.version};
}

Result<> check(void* target) {
  auto& globals = *static_cast<Globals*>(target);
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

std::string version() {
  return cat("shoji-oci version ", SHOJI_VERSION, "\ncommit: ", SHOJI_COMMIT, "\nspec: ", kOciVersion,
             "\nlibseccomp: ", kLibseccompVersion, "\n");
}

}  // namespace

constinit const Program program = {
    .name = "shoji-oci",
    .summary = "run containers from OCI bundles",
    .introduction =
        "A bundle is a directory with a config.json and a root filesystem. In it:\n\n"
        "   shoji-oci spec            writes a config.json to start from\n"
        "   shoji-oci run ID          makes and runs the container, and removes it when its program ends\n",
    .options = kGlobalOptions,
    .verbs = kVerbs,
    .exit_codes = kExitCodes,
    .unknown_verb_code = kExitUnknownVerb,
    .version = version,
    .start = start,
    .check = check,
};

}  // namespace shoji::cli::oci
