#include "runtime/stdio.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace shoji {

void give_stdio(const int (&stdio)[3], const IdMap& uids, uint32_t uid) {
  const uint32_t owner = uids.empty() ? uid : to_host_id(uids, uid).value_or(uid);
  for (int fd : stdio) {
    struct stat st {};
    if (fstat(fd, &st) != 0 || st.st_uid == owner) continue;
    if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)) continue;
    // Read-only filesystems, sockets and the like refuse; the descriptor itself works all the same.
    if (fchown(fd, owner, static_cast<gid_t>(-1)) != 0) continue;
  }
}

}  // namespace shoji
