// Splits the command line at "," and runs each command; see probe.h.
#include "probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command* find(const char* name) {
  const struct command* tables[] = {process_commands, file_commands, action_commands};
  for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
    for (const struct command* c = tables[t]; c->name; c++)
      if (strcmp(c->name, name) == 0) return c;
  return NULL;
}

static int run_one(int count, char** words) {
  const struct command* c = find(words[0]);
  if (!c || count - 1 < c->min_args) {
    printf("probe: no command \"%s\" with %d arguments\n", words[0], count - 1);
    return 120;
  }
  errno = 0;
  if (c->run(words + 1) == 0) return 0;
  printf("%s %s: %s\n", words[0], count > 1 ? words[1] : "", strerrorname_np(errno));
  return 1;
}

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 4096);
  int status = 0;
  for (int i = 1; i < argc;) {
    int end = i;
    while (end < argc && strcmp(argv[end], ",") != 0) end++;
    argv[end] = NULL;
    if (end > i) {
      int one = run_one(end - i, argv + i);
      if (one) status = one;
    }
    i = end + 1;
  }
  return status;
}
