# The C library of the static programs that are started often: musl's when it is installed (musl-dev), else glibc's.
#
# glibc asks the processor about its caches at every start, with 68 CPUID instructions on glibc 2.36. In a virtual
# machine each of them traps to the hypervisor: 0.5 ms before main, a quarter of what a whole container costs. musl
# starts in microseconds, and the program is a third as big.
#
# Only the link differs. Everything is compiled with glibc's headers, as libstdc++'s headers need, so what is shared
# between the two must look the same: plain functions and the kernel's own structures do. cmake/musl/symbols.txt is
# the list of functions that were looked at, and a test keeps the program to it.
set(SHOJI_LIBC auto CACHE STRING "C library of shoji-oci: musl, glibc, or auto (musl when it is installed)")
set_property(CACHE SHOJI_LIBC PROPERTY STRINGS auto musl glibc)

find_file(SHOJI_MUSL_LIBC libc.a PATHS /usr/lib/${CMAKE_SYSTEM_PROCESSOR}-linux-musl NO_DEFAULT_PATH)
mark_as_advanced(SHOJI_MUSL_LIBC)
if(SHOJI_LIBC STREQUAL "musl" AND NOT SHOJI_MUSL_LIBC)
  message(FATAL_ERROR "SHOJI_LIBC is musl, but musl-dev is not installed")
endif()
set(SHOJI_USE_MUSL OFF)
if(SHOJI_MUSL_LIBC AND NOT SHOJI_LIBC STREQUAL "glibc" AND NOT SHOJI_SANITIZE AND NOT SHOJI_COVERAGE
   AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(SHOJI_USE_MUSL ON)
endif()

# The path of an object file that the compiler keeps for itself.
function(shoji_compiler_object name result)
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=${name} OUTPUT_VARIABLE path
    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(${result} ${path} PARENT_SCOPE)
endfunction()

# shoji_static_program(target): links `target`, the only program of the calling directory, statically. A macro,
# because what ends the link line, after the libraries of libraries, is a variable of the directory.
macro(shoji_static_program target)
  target_link_options(${target} PRIVATE -static)
  if(SHOJI_USE_MUSL)
    get_filename_component(musl ${SHOJI_MUSL_LIBC} DIRECTORY)
    shoji_compiler_object(crtbeginT.o crt_begin)
    shoji_compiler_object(crtend.o crt_end)
    target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/musl/glue.c ${PROJECT_SOURCE_DIR}/cmake/musl/new.cc)
    target_link_options(${target} PRIVATE -nostdlib ${musl}/crt1.o ${musl}/crti.o ${crt_begin})
    set(CMAKE_CXX_STANDARD_LIBRARIES
      "-Wl,--start-group -lstdc++ -lgcc -lgcc_eh ${SHOJI_MUSL_LIBC} -Wl,--end-group ${crt_end} ${musl}/crtn.o")
  endif()
endmacro()
