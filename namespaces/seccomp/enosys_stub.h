#pragma once
// The head of every filter that forbids by default: system calls newer than the profile get ENOSYS instead of the
// default action, so that programs fall back to what the profile's author knew (as runc does).
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "spec/spec.h"

namespace shoji {

// libseccomp's token of "SCMP_ARCH_X86_64".
Result<uint32_t> seccomp_architecture(std::string_view name);

// Instructions to be put in front of the filter; empty when the default action lets system calls through (or to a
// tracer), or returns ENOSYS anyway. Only architectures that the profile lists have a section: the others get
// libseccomp's action for bad architectures. "Newer" is: a number above the greatest that the profile names.
Result<std::string> enosys_stub(const Seccomp& profile);

}  // namespace shoji
