#pragma once
// clone3(2) for a child that shares our memory until it executes something (as vfork, but with the flags of clone3).
#include <linux/sched.h>

namespace shoji {

// Runs `child(argument)` in the new process on a stack of its own; it must end in execve or _exit. Returns the pid, or
// -errno. The caller is suspended until then when `arguments` has CLONE_VFORK.
long clone_child(clone_args& arguments, void (*child)(void*), void* argument);

}  // namespace shoji
