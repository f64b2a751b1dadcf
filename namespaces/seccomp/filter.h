#pragma once
// linux.seccomp as a program for the kernel: seccomp(2), config-linux.md "Seccomp".
#include <cstdint>
#include <string>

#include "base/error.h"
#include "spec/spec.h"

namespace shoji {

struct SeccompFilter {
  std::string program;  // struct sock_filter[]
  uint32_t flags = 0;   // SECCOMP_FILTER_FLAG_*
};

// Compiles with libseccomp. Names of system calls that libseccomp does not know are passed over, as in runc: profiles
// name calls of newer kernels. Where the default action forbids, calls that are newer than every call the profile names
// get ENOSYS instead, so that a libc that tries a new call first falls back as on an old kernel.
// SCMP_ACT_NOTIFY is refused.
Result<SeccompFilter> compile_seccomp(const Seccomp& seccomp);

// The same from `cache`, a directory (made when absent) of compiled filters that only its owner, this user, may write; it
// is looked up by the text of the profile, and that text is compared whole. Empty: always compile.
Result<SeccompFilter> seccomp_filter(const Seccomp& seccomp, const std::string& cache);

// -- pieces ------------------------------------------------------------------------------------------------------
// Instructions to put before a program: for each architecture of the profile, calls above the highest one that it
// names are answered with ENOSYS.
std::string enosys_stub(const Seccomp& seccomp);
Result<uint32_t> seccomp_action(const std::string& name, uint32_t errno_value);
Result<uint32_t> seccomp_arch(const std::string& name);

}  // namespace shoji
