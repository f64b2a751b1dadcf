// The container's program of the integration tests: it prints what it sees of its surroundings.
// Usage: probe COMMAND [ARG...] [, COMMAND [ARG...]]...    Results go to stdout, one fact a line. A command
// that the kernel refuses prints `NAME ARG: ERRNO` and the probe goes on; its exit code is then 1, unless
// `exit` says another.
#ifndef SHOJI_TESTS_PAYLOAD_PROBE_H
#define SHOJI_TESTS_PAYLOAD_PROBE_H

struct command {
  const char* name;
  int min_args;             // arguments needed after the name
  int (*run)(char** args);  // args is null-terminated; returns 0, or -1 with errno set
};

extern const struct command process_commands[];  // probe_process.c
extern const struct command file_commands[];     // probe_files.c
extern const struct command action_commands[];   // probe_actions.c

#endif
