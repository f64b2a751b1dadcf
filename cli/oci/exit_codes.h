#pragma once
// What shoji-oci exits with. The numbers are runc's, because callers branch on them.
#include <string_view>

namespace shoji::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;
inline constexpr int kExitUnknownVerb = 3;
inline constexpr int kExitExecFailed = 255;

struct ExitCode {
  int code;
  std::string_view meaning;
};

inline constexpr ExitCode kExitCodes[] = {
    {kExitOk, "the verb did what it says; `delete --force` of an unknown container too"},
    {kExitError, "the verb did not work: wrong usage, wrong configuration, a refused system call"},
    {kExitUnknownVerb, "there is no such verb"},
    {kExitExecFailed, "`exec` could not run the program"},
    {128,
     "128 + N: `run` or `exec` in the foreground, and the program was ended by signal N; otherwise they exit "
     "with the program's own status"},
};

}  // namespace shoji::cli
