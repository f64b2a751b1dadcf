#pragma once
// The descriptors 0, 1 and 2 that a program gets.
#include <sys/types.h>

#include "base/error.h"
#include "namespaces/id_map.h"

namespace shoji {

// Makes the user that the program runs as, `uid` in the container, the owner of its stdio, as runc does: a program
// without root's rights can open /dev/stdout (or /proc/self/fd/1) only then. /dev/null is everybody's and is left alone.
void give_stdio(const int (&stdio)[3], const IdMap& uids, uint32_t uid);

}  // namespace shoji
