#pragma once
// What shoji-oci exits with. The numbers are runc's, because callers branch on them.
#include "cli/verb.h"

namespace shoji::cli::oci {

inline constexpr int kExitUnknownVerb = 3;
inline constexpr int kExitExecFailed = 255;

inline constexpr ExitCode kExitCodes[] = {
    {kExitOk, "the verb did what it says; `delete --force` of an unknown container too"},
    {kExitError, "the verb did not work: wrong usage, wrong configuration, a refused system call"},
    {kExitUnknownVerb, "there is no such verb"},
    {kExitExecFailed, "`exec` could not run the program"},
    {128,
     "128 + N: `run` or `exec` in the foreground, and the program was ended by signal N; otherwise they exit "
     "with the program's own status"},
};

}  // namespace shoji::cli::oci
