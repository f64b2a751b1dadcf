# Build options shared by every target, and the helper that declares a floor's library.
option(SHOJI_TESTS "build the tests" ON)
option(SHOJI_BENCH "build the benchmark programs" ON)
option(SHOJI_FUZZ "build the libFuzzer targets (clang only)" OFF)
option(SHOJI_SANITIZE "build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(SHOJI_COVERAGE "build with coverage counters" OFF)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

# For size: the programs live for milliseconds, and what costs is bringing their pages in. Half the text is a megabyte less
# of resident memory than with -O3, and no slower.
set(CMAKE_CXX_FLAGS_RELEASE "-Os -DNDEBUG")

add_library(shoji_flags INTERFACE)
target_include_directories(shoji_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(shoji_flags INTERFACE _GNU_SOURCE SHOJI_VERSION="${PROJECT_VERSION}")
target_compile_options(shoji_flags INTERFACE -Wall -Wextra -Wshadow -Werror -ffunction-sections -fdata-sections)
target_link_options(shoji_flags INTERFACE -Wl,--gc-sections)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 sees overlapping copies inside std::string that are not there (GCC PR 105651).
  target_compile_options(shoji_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  # libstdc++ 12's own stable_sort calls get_temporary_buffer; and g++'s warning flags are not all known to clang.
  target_compile_options(shoji_flags INTERFACE -Wno-unknown-warning-option
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-deprecated-declarations>)
endif()
if(SHOJI_SANITIZE)
  target_compile_options(shoji_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer)
  target_link_options(shoji_flags INTERFACE -fsanitize=address,undefined)
endif()
if(SHOJI_FUZZ)
  target_compile_options(shoji_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(SHOJI_COVERAGE)
  target_compile_options(shoji_flags INTERFACE --coverage)
  target_link_options(shoji_flags INTERFACE --coverage)
endif()

# shoji_floor(NAME lib...): the static library of the folder that calls it, from every .cc file in that folder.
function(shoji_floor name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC shoji_flags ${ARGN})
endfunction()
