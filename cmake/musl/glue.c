/* What g++'s static runtime and libseccomp expect of glibc and musl does not have. Everything else that is missing is an
 * error of the linker; symbols.txt beside this file says what may be used. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* libstdc++ skips atomic instructions while it is true; there is only ever one thread in a static program of ours. */
char __libc_single_threaded = 1;

/* The unwinder asks this after the frames that crtbeginT.o registers at the start, which are all that there are. */
int _dl_find_object(void *address, void *result);
int _dl_find_object(void *address, void *result) {
  (void)address;
  (void)result;
  return -1;
}

const char *strerrordesc_np(int error) { return strerror(error); }

/* libseccomp.a is compiled with _FORTIFY_SOURCE. */
int __fprintf_chk(FILE *stream, int flag, const char *format, ...);
int __fprintf_chk(FILE *stream, int flag, const char *format, ...) {
  va_list arguments;
  (void)flag;
  va_start(arguments, format);
  int written = vfprintf(stream, format, arguments);
  va_end(arguments);
  return written;
}

/* glibc 2.38's headers give strtol and its family these names in C23 and C++23. */
#define ISOC23(type, name)                                     \
  type __isoc23_##name(const char *text, char **end, int base); \
  type __isoc23_##name(const char *text, char **end, int base) { return name(text, end, base); }
long strtol(const char *text, char **end, int base);
unsigned long strtoul(const char *text, char **end, int base);
long long strtoll(const char *text, char **end, int base);
unsigned long long strtoull(const char *text, char **end, int base);
ISOC23(long, strtol)
ISOC23(unsigned long, strtoul)
ISOC23(long long, strtoll)
ISOC23(unsigned long long, strtoull)
