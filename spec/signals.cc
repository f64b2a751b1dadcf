// Signal names, as kill(1) and the `kill` verb take them.
#include <charconv>
#include <csignal>

#include "spec/names.h"

namespace shoji {
namespace {

constexpr NamedNumber kSignals[] = {
    {"HUP", SIGHUP},   {"INT", SIGINT},       {"QUIT", SIGQUIT},     {"ILL", SIGILL},   {"TRAP", SIGTRAP},
    {"ABRT", SIGABRT}, {"IOT", SIGIOT},       {"BUS", SIGBUS},       {"FPE", SIGFPE},   {"KILL", SIGKILL},
    {"USR1", SIGUSR1}, {"SEGV", SIGSEGV},     {"USR2", SIGUSR2},     {"PIPE", SIGPIPE}, {"ALRM", SIGALRM},
    {"TERM", SIGTERM}, {"STKFLT", SIGSTKFLT}, {"CHLD", SIGCHLD},     {"CLD", SIGCHLD},  {"CONT", SIGCONT},
    {"STOP", SIGSTOP}, {"TSTP", SIGTSTP},     {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU}, {"URG", SIGURG},
    {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},     {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH},
    {"IO", SIGIO},     {"POLL", SIGIO},       {"PWR", SIGPWR},       {"SYS", SIGSYS},
};

// The kernel's numbers of the first and last real-time signal. The C library's SIGRTMIN is 34, since it keeps
// two for itself, and that is what kill(1) means by RTMIN.
constexpr int kFirstRealtime = 34;
constexpr int kLastRealtime = 64;

std::optional<int> whole_number(std::string_view text) {
  int number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// RTMIN, RTMIN+3, RTMAX, RTMAX-2
std::optional<int> realtime(std::string_view name) {
  bool from_first = name.starts_with("RTMIN");
  if (!from_first && !name.starts_with("RTMAX")) return std::nullopt;
  int number = from_first ? kFirstRealtime : kLastRealtime;
  std::string_view rest = name.substr(5);
  if (rest.empty()) return number;
  if (rest.front() != (from_first ? '+' : '-')) return std::nullopt;
  std::optional<int> offset = whole_number(rest.substr(1));
  if (!offset || *offset < 0 || *offset > kLastRealtime - kFirstRealtime) return std::nullopt;
  return from_first ? number + *offset : number - *offset;
}

}  // namespace

Result<int> parse_signal(std::string_view text) {
  if (std::optional<int> number = whole_number(text)) {
    if (*number >= 0 && *number <= kLastRealtime) return *number;
    return fail(Kind::kInvalid, cat("signal ", quote(text), ": numbers go from 0 to ", kLastRealtime));
  }
  std::string name;
  for (char c : text) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  std::string_view word = name;
  if (word.starts_with("SIG")) word.remove_prefix(3);
  if (std::optional<int64_t> number = find_number(kSignals, word)) return static_cast<int>(*number);
  if (std::optional<int> number = realtime(word)) return *number;
  return fail(Kind::kInvalid, cat("signal ", quote(text), ": there is no such signal"));
}

std::string signal_name(int number) {
  std::string_view name = find_name(kSignals, number);
  if (!name.empty()) return cat("SIG", name);
  if (number == kFirstRealtime) return "SIGRTMIN";
  if (number > kFirstRealtime && number <= kLastRealtime) return cat("SIGRTMIN+", number - kFirstRealtime);
  return std::to_string(number);
}

}  // namespace shoji
