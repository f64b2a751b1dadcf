#include <fcntl.h>
#include <unistd.h>

#include "base/io.h"
#include "cgroups/host.h"
#include "cli/oci/verbs.h"
#include "spec/default_spec.h"

namespace shoji::cli::oci {

namespace {

struct SpecOptions {
  std::string bundle = ".";
  bool rootless = false;
};

constexpr Option kOptions[] = {
    option<&SpecOptions::bundle>("bundle", 'b', "directory to write config.json to", "."),
    option<&SpecOptions::rootless>("rootless", 0, "for a container of a user without root"),
};

Result<int> spec(const Globals& /*globals*/, SpecOptions& options, Arguments& /*arguments*/) {
  DefaultSpecOptions content;
  content.rootless = options.rootless;
  content.uid = geteuid();
  content.gid = getegid();
  TRY_ASSIGN(CgroupHost host, CgroupHost::detect());
  content.cgroup_namespace = host.mode == CgroupHost::Mode::kUnified;
  std::string path = cat(options.bundle, "/config.json");
  // Somebody's configuration is never overwritten.
  auto file = open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
  if (!file && file.error().kind == Kind::kExists)
    return fail(Kind::kExists, cat("file ", quote(path), " exists. Remove it first"));
  if (!file) return std::unexpected(std::move(file).error());
  TRY(write_all(file->get(), default_spec(content), path));
  return kExitOk;
}

}  // namespace

constinit const Verb spec_verb = {
    .name = "spec",
    .summary = "write a config.json to start from",
    .options = kOptions,
    .max_arguments = 0,
    .run = parse_and_run<SpecOptions, spec>,
};

}  // namespace shoji::cli::oci
