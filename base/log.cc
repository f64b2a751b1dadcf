#include "base/log.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"

namespace shoji {

namespace {

LogSettings g_settings;
UniqueFd g_file;

std::string_view level_name(LogLevel level) {
  static constexpr std::string_view kNames[] = {"debug", "warning", "error"};
  return kNames[static_cast<size_t>(level)];
}

// Nothing can be reported when stderr itself is closed.
void print(std::string_view line) {
  ignore(write_all(STDERR_FILENO, line, "stderr"), "there is nowhere else");
}

// Whether the line reached the file.
bool append(std::string_view line) {
  if (write_all(g_file.get(), line, g_settings.path)) return true;
  print(cat(g_settings.program, ": write log ", quote(g_settings.path), ": ", errno_text(errno), "\n"));
  return false;
}

}  // namespace

Result<> set_log(LogSettings settings) {
  g_settings = std::move(settings);
  g_file.reset();
  if (g_settings.path.empty()) return {};
  UniqueFd file(open(g_settings.path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  if (!file) {
    Failure failure = fail_errno(errno, cat("open log ", quote(g_settings.path)));
    g_settings.path.clear();
    return failure;
  }
  g_file = std::move(file);
  return {};
}

bool log_wants_debug() {
  return g_settings.debug;
}

std::string log_line(LogFormat format, LogLevel level, std::string_view text, std::string_view time) {
  if (format == LogFormat::kText)
    return cat("time=\"", time, "\" level=", level_name(level), " msg=", quote(text), "\n");
  JsonWriter line;
  line.begin_object()
      .member("level", level_name(level))
      .member("msg", text)
      .member("time", time)
      .end_object();
  return cat(line.take(), "\n");
}

void log(LogLevel level, std::string_view text) {
  if (level == LogLevel::kDebug && !g_settings.debug) return;
  bool to_file = static_cast<bool>(g_file);
  std::string line;
  if (to_file || g_settings.format == LogFormat::kJson)
    line = log_line(g_settings.format, level, text, rfc3339_now(TimeDigits::kSeconds));
  bool logged = to_file && append(line);
  if (logged && level != LogLevel::kError) return;
  if (!to_file && g_settings.format == LogFormat::kJson) {
    print(line);
  } else {
    std::string_view label = level == LogLevel::kError     ? ""
                             : level == LogLevel::kWarning ? "warning: "
                                                           : "debug: ";
    print(cat(g_settings.program, ": ", label, text, "\n"));
  }
}

}  // namespace shoji
