#pragma once
// POSIX ACLs: the text of star's SCHILY.acl.* records ("user::rwx,user:lisa:r--:502,...", acl(5)) as the value of the
// xattr system.posix_acl_access or system.posix_acl_default (the kernel's linux/posix_acl_xattr.h).
#include <string>
#include <string_view>

#include "base/error.h"

namespace shoji::images {

// An entry that names somebody without a number is kUnsupported: an archive brings no user database.
Result<std::string> acl_xattr(std::string_view text);
// The same the other way round; empty when `xattr` is no such value.
std::string acl_text(std::string_view xattr);
// The value says no more than a mode does, as an access ACL it is not needed.
bool is_minimal_acl(std::string_view xattr);

}  // namespace shoji::images
