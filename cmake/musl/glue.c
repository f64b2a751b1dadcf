/* What g++'s static runtime and libseccomp expect of glibc and musl does not have. Everything else that is missing is an
 * error of the linker; symbols.txt beside this file says what may be used. */
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* libstdc++ skips atomic instructions while it is true; there is only ever one thread in a static program of ours. */
char __libc_single_threaded = 1;

/* The unwinder asks this after the frames that crtbeginT.o registers at the start, which are all that there are. */
int _dl_find_object(void* address, void* result);
int _dl_find_object(void* address, void* result) {
  (void)address;
  (void)result;
  return -1;
}

const char* strerrordesc_np(int error) {
  return strerror(error);
}

/* libseccomp.a is compiled with _FORTIFY_SOURCE. */
int __fprintf_chk(FILE* stream, int flag, const char* format, ...);
int __fprintf_chk(FILE* stream, int flag, const char* format, ...) {
  va_list arguments;
  (void)flag;
  va_start(arguments, format);
  int written = vfprintf(stream, format, arguments);
  va_end(arguments);
  return written;
}

/* glibc 2.38's headers give strtol and its family these names in C23 and C++23. */
#define ISOC23(type, name)                                       \
  type __isoc23_##name(const char* text, char** end, int base);  \
  type __isoc23_##name(const char* text, char** end, int base) { \
    return name(text, end, base);                                \
  }
long strtol(const char* text, char** end, int base);
unsigned long strtoul(const char* text, char** end, int base);
long long strtoll(const char* text, char** end, int base);
unsigned long long strtoull(const char* text, char** end, int base);
ISOC23(long, strtol)
ISOC23(unsigned long, strtoul)
ISOC23(long long, strtoll)
ISOC23(unsigned long long, strtoull)

/* System calls that musl 1.2.3 has no function for, and names that only glibc has. */
int statx(int directory, const char* path, int flags, unsigned mask, struct statx* result) {
  return (int)syscall(SYS_statx, directory, path, flags, mask, result);
}
int close_range(unsigned first, unsigned last, int flags) {
  return (int)syscall(SYS_close_range, first, last, flags);
}
const char* sigdescr_np(int signal) {
  return signal > 0 && signal < NSIG ? strsignal(signal) : NULL;
}

/* makedev(3) and its inverses are functions of these names where the compiler does not inline glibc's headers. */
dev_t gnu_dev_makedev(unsigned major_number, unsigned minor_number) {
  return (dev_t)(major_number & 0xfffff000u) << 32 | (dev_t)(major_number & 0xfffu) << 8 |
         (dev_t)(minor_number & 0xffffff00u) << 12 | (dev_t)(minor_number & 0xffu);
}
unsigned gnu_dev_major(dev_t device) {
  return (unsigned)(device >> 8 & 0xfffu) | ((unsigned)(device >> 32) & 0xfffff000u);
}
unsigned gnu_dev_minor(dev_t device) {
  return (unsigned)(device & 0xffu) | ((unsigned)(device >> 12) & 0xffffff00u);
}
