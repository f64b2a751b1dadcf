#include "spec/features.h"

#include "cli/oci/libseccomp_version.h"
#include "cli/oci/verbs.h"
#include "spec/names.h"

namespace shoji::cli::oci {

namespace {

Result<int> features(const Globals& /*globals*/, NoOptions& /*options*/, Arguments& /*arguments*/) {
  BuildFeatures build;
  build.version = SHOJI_VERSION;
  build.libseccomp_version = kLibseccompVersion;
  // The filter is installed by seccomp(2) itself, so that every flag of the kernel's is there.
  for (const NamedNumber& flag : seccomp_flags()) build.seccomp_flags.push_back(flag.name);
  TRY(print(print_features(build) + "\n"));
  return kExitOk;
}

}  // namespace

constinit const Verb features_verb = {
    .name = "features",
    .summary = "print what this runtime can do, as JSON",
    .max_arguments = 0,
    .run = parse_and_run<NoOptions, features>,
};

}  // namespace shoji::cli::oci
