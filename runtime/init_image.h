#pragma once
// The program shoji-init as an executable descriptor that nobody can change.
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace shoji {

struct InitProgram {
  UniqueFd fd;  // to be executed with execveat(fd, "", AT_EMPTY_PATH)
  size_t plan_offset = 0;
  size_t plan_size = 0;
};

// shoji-init followed by the plan in a sealed memfd; where the host forbids executable memfds (vm.memfd_noexec, see
// sysctl/vm in the kernel's documentation), in an unlinked file of a private tmpfs.
Result<InitProgram> make_init_program(std::string_view plan);

}  // namespace shoji
