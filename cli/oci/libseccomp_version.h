#pragma once
#include <seccomp.h>

#include <string_view>

#define SHOJI_TEXT_OF(number) #number
#define SHOJI_TEXT(number) SHOJI_TEXT_OF(number)

namespace shoji::cli::oci {

// Of the library that is linked in.
inline constexpr std::string_view kLibseccompVersion =
    SHOJI_TEXT(SCMP_VER_MAJOR) "." SHOJI_TEXT(SCMP_VER_MINOR) "." SHOJI_TEXT(SCMP_VER_MICRO);

}  // namespace shoji::cli::oci
