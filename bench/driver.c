/* driver ROUNDS [WARMUP] < CASES: time commands side by side.
 *
 * CASES has one word per line separated by tabs:
 *   case NAME                begins a case
 *   timed ARGV0 ARGV1 ...    a step whose time counts
 *   untimed ARGV0 ARGV1 ...  a step that only has to happen, in order
 *   gone PIDFILE             an untimed step that waits until that process has ended
 * In an argument, every `%` becomes the number of the round, so that each container has a name of its own.
 * Round 1 runs every case once, round 2 again in another order, and so on: what else the machine does meanwhile hits all of
 * them alike. A step is timed from before vfork to after wait4. Prints, per case: NAME, median, p10 and p90
 * in microseconds; or NAME, `failed`, and the step, when a step did not exit with 0: a case that does not
 * work has no time. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kMaxCases = 64, kMaxSteps = 8, kMaxArgs = 48, kLine = 8192 };

struct step {
  bool timed;
  bool gone; /* wait for the process of this pid file, instead of running a command */
  char* argv[kMaxArgs + 1];
};
struct bench_case {
  char* name;
  struct step steps[kMaxSteps];
  int step_count;
  const struct step* broken;
  double* samples; /* microseconds, one per round */
};

static struct bench_case cases[kMaxCases];
static int case_count;
static FILE* report_stream;

_Noreturn static void die(const char* what) {
  fprintf(stderr, "driver: %s\n", what);
  exit(2);
}

static void add_step(char* verb, char* rest) {
  if (case_count == 0) die("a step before the first case");
  struct bench_case* current = &cases[case_count - 1];
  if (current->step_count == kMaxSteps) die("too many steps in one case");
  struct step* step = &current->steps[current->step_count++];
  step->timed = strcmp(verb, "timed") == 0;
  step->gone = strcmp(verb, "gone") == 0;
  int argc = 0;
  for (char* word = strtok(rest, "\t"); word != NULL; word = strtok(NULL, "\t")) {
    if (argc == kMaxArgs) die("too many arguments in one step");
    step->argv[argc++] = word;
  }
  if (argc == 0) die("a step without a command");
}

static void read_cases(int rounds) {
  char line[kLine];
  while (fgets(line, sizeof(line), stdin) != NULL) {
    size_t length = strcspn(line, "\n");
    if (line[length] != '\n') die("a line is too long or has no end");
    line[length] = '\0';
    if (length == 0) continue;
    char* text = strdup(line);
    if (text == NULL) die("out of memory");
    char* rest = strchr(text, '\t');
    if (rest == NULL) die("a line without a tab");
    *rest++ = '\0';
    if (strcmp(text, "case") == 0) {
      if (case_count == kMaxCases) die("too many cases");
      cases[case_count].name = rest;
      cases[case_count].samples = calloc((size_t)rounds, sizeof(double));
      if (cases[case_count++].samples == NULL) die("out of memory");
    } else if (strcmp(text, "timed") == 0 || strcmp(text, "untimed") == 0 || strcmp(text, "gone") == 0) {
      add_step(text, rest);
    } else {
      die("a line that begins with none of: case, timed, untimed, gone");
    }
  }
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* The arguments with the round's number in place of `%`; valid until the next call. */
static char** fill_in(const struct step* step, int round) {
  static char text[kLine * 2];
  static char* argv[kMaxArgs + 1];
  char* at = text;
  int argc = 0;
  for (; step->argv[argc] != NULL; argc++) {
    argv[argc] = at;
    for (const char* from = step->argv[argc]; *from != '\0'; from++) {
      if (at > text + sizeof(text) - 16) die("the arguments of a step are too long");
      if (*from == '%') {
        at += sprintf(at, "%d", round);
      } else {
        *at++ = *from;
      }
    }
    *at++ = '\0';
  }
  argv[argc] = NULL;
  return argv;
}

/* Returns 0 when the process has ended, a negative number when it still ran after ten seconds. */
static double wait_until_gone(const char* pid_file) {
  int pid = 0;
  FILE* file = fopen(pid_file, "re");
  if (file == NULL) return -1;
  int found = fscanf(file, "%d", &pid);
  fclose(file);
  if (found != 1) return -1;
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) return errno == ESRCH ? 0 : -1;
  struct pollfd wait = {fd, POLLIN, 0};
  int ended = poll(&wait, 1, 10000);
  close(fd);
  return ended == 1 ? 0 : -1;
}

/* Returns the time of the step in microseconds, or a negative number when it did not exit with 0. */
static double run_step(const struct step* step, int round) {
  char** argv = fill_in(step, round);
  if (step->gone) return wait_until_gone(argv[0]);
  double start = now();
  pid_t child = vfork();
  if (child < 0) die("vfork");
  if (child == 0) {
    execv(argv[0], argv);
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) die("wait");
  }
  double end = now();
  return status == 0 ? end - start : -1;
}

/* A case that broke once is left alone: later rounds would only repeat the error. */
static void run_case(struct bench_case* current, int round, double* sample) {
  double total = 0;
  for (int i = 0; i < current->step_count && current->broken == NULL; i++) {
    double time = run_step(&current->steps[i], round);
    if (time < 0) current->broken = &current->steps[i];
    if (current->steps[i].timed) total += time;
  }
  if (sample != NULL) *sample = total;
}

/* The kernel takes namespaces down after the process is gone, at the cost of whoever comes next: in a fixed order always
 * the same one. rand() without a seed gives every run the same orders. */
static void shuffle(int* order) {
  for (int i = case_count - 1; i > 0; i--) {
    int other = rand() % (i + 1);
    int kept = order[i];
    order[i] = order[other];
    order[other] = kept;
  }
}

static int ascending(const void* left, const void* right) {
  double a = *(const double*)left;
  double b = *(const double*)right;
  return (a > b) - (a < b);
}

static void report(struct bench_case* current, int rounds) {
  if (current->broken != NULL) {
    fprintf(report_stream, "%s\tfailed", current->name);
    for (char* const* word = current->broken->argv; *word != NULL; word++)
      fprintf(report_stream, " %s", *word);
    fputc('\n', report_stream);
    return;
  }
  double* samples = current->samples;
  qsort(samples, (size_t)rounds, sizeof(*samples), ascending);
  fprintf(report_stream, "%s\t%.0f\t%.0f\t%.0f\n", current->name, samples[rounds / 2], samples[rounds / 10],
          samples[rounds * 9 / 10]);
}

/* The report goes where standard output went; commands get /dev/null instead, so that no slow reader costs
 * them time. */
static void set_streams(void) {
  int report_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (report_fd < 0 || null_fd < 0) die("no descriptor for the report");
  if (dup2(null_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDOUT_FILENO) < 0) die("dup2");
  report_stream = fdopen(report_fd, "w");
  if (report_stream == NULL) die("out of memory");
}

int main(int argc, char** argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 0;
  int warmup = argc > 2 ? atoi(argv[2]) : 2;
  if (rounds < 1 || warmup < 0) die("usage: driver ROUNDS [WARMUP] < CASES");
  read_cases(rounds);
  set_streams();
  int order[kMaxCases];
  for (int i = 0; i < case_count; i++) order[i] = i;
  for (int round = 0; round < warmup + rounds; round++) {
    shuffle(order);
    for (int i = 0; i < case_count; i++) {
      struct bench_case* current = &cases[order[i]];
      run_case(current, round, round < warmup ? NULL : &current->samples[round - warmup]);
    }
  }
  for (int i = 0; i < case_count; i++) report(&cases[i], rounds);
  return fclose(report_stream) == 0 ? 0 : 2;
}
