#pragma once
// linux.seccomp as a program for seccomp(2): config-linux.md "Seccomp", compiled by libseccomp.
#include <cstdint>
#include <string>

#include "base/error.h"
#include "spec/spec.h"

namespace shoji {

struct SeccompFilter {
  std::string program;  // struct sock_filter[], as the step kSeccomp takes it
  uint32_t flags = 0;   // SECCOMP_FILTER_FLAG_*
};

// The program for a profile: out of the cache in `cache_dir` when it is there, else compiled and kept. An empty
// `cache_dir`, or one that somebody else could write to, means no cache: the program is the same.
Result<SeccompFilter> seccomp_filter(const Seccomp& profile, const std::string& cache_dir);

// Compiles, always. Unknown system call names are passed over, as in runc: a profile lists what some kernel may have.
// SCMP_ACT_NOTIFY is refused.
Result<SeccompFilter> compile_seccomp(const Seccomp& profile);

// The flags for seccomp(2). Without any in the profile it is SPEC_ALLOW, as in runc.
Result<uint32_t> seccomp_flags_of(const Seccomp& profile);

}  // namespace shoji
