#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/json.h"
#include "base/spawn.h"
#include "cli/oci/verbs.h"
#include "runtime/container.h"

namespace shoji::cli::oci {

namespace {

struct PsOptions {
  std::string format = "table";
};

constexpr Option kOptions[] = {
    option<&PsOptions::format>("format", 'f', "table or json", "table"),
};

std::string as_json(const std::vector<pid_t>& pids) {
  JsonWriter json;
  json.begin_array();
  for (pid_t pid : pids) json.value(static_cast<int64_t>(pid));
  json.end_array();
  return json.take() + "\n";
}

Result<std::string> find_ps() {
  const char* set = getenv("PATH");
  std::string_view path = set != nullptr && *set != '\0' ? set : "/usr/bin:/bin";
  while (!path.empty()) {
    std::string_view directory = path.substr(0, path.find(':'));
    path.remove_prefix(std::min(path.size(), directory.size() + 1));
    std::string file = cat(directory, "/ps");
    if (!directory.empty() && access(file.c_str(), X_OK) == 0) return file;
  }
  return fail(Kind::kNotFound, "the program ps is not in PATH; `ps --format json` does without it");
}

// The word number `column` (from 0) of a line.
std::string_view word(std::string_view line, size_t column) {
  size_t at = 0;
  for (size_t i = 0;; ++i) {
    at = line.find_first_not_of(" \t", at);
    if (at == std::string_view::npos) return {};
    size_t end = std::min(line.find_first_of(" \t", at), line.size());
    if (i == column) return line.substr(at, end - at);
    at = end;
  }
}

Result<size_t> pid_column(std::string_view title) {
  for (size_t i = 0; !word(title, i).empty(); ++i)
    if (word(title, i) == "PID") return i;
  return fail(Kind::kInvalid, "there is no PID column in what ps prints");
}

// The title and the lines of the container's processes.
Result<std::string> own_lines(std::string_view text, const std::vector<pid_t>& pids) {
  std::string out;
  size_t column = 0;
  for (bool title = true; !text.empty(); title = false) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (title) {
      TRY_ASSIGN(column, pid_column(line));
    } else {
      std::string_view number = word(line, column);
      pid_t pid = 0;
      std::from_chars(number.data(), number.data() + number.size(), pid);
      if (!std::ranges::binary_search(pids, pid)) continue;
    }
    out += cat(line, "\n");
  }
  return out;
}

Result<int> ps(const Globals& globals, PsOptions& options, Arguments& arguments) {
  if (options.format != "table" && options.format != "json")
    return fail(Kind::kInvalid, cat("invalid format ", quote(options.format), ": table or json"));
  TRY_ASSIGN(std::vector<pid_t> pids, container_pids(globals.root, arguments[0]));
  if (options.format == "json") {
    TRY(print(as_json(pids)));
    return kExitOk;
  }
  SpawnRequest request;
  TRY_ASSIGN(request.path, find_ps());
  request.args = {"ps"};
  request.args.insert(request.args.end(), arguments.begin() + 1, arguments.end());
  if (request.args.size() == 1) request.args.emplace_back("-ef");
  for (char** variable = environ; *variable != nullptr; ++variable) request.env.emplace_back(*variable);
  TRY_ASSIGN(Captured captured, run_captured(request, "", -1));
  if (captured.status != 0)
    return fail(Kind::kInvalid, cat("ps ended with ", status_text(captured.status), ": ",
                                    std::string_view(captured.err).substr(0, captured.err.find('\n'))));
  TRY_ASSIGN(std::string lines, own_lines(captured.out, pids));
  TRY(print(lines));
  return kExitOk;
}

}  // namespace

constinit const Verb ps_verb = {
    .name = "ps",
    .arguments = "<container-id> [ps options]",
    .summary = "show the processes of a container",
    .description = "   What follows the container's id are options of ps(1), -ef if there are none.",
    .options = kOptions,
    .min_arguments = 1,
    .order = Order::kOptionsFirst,
    .names_subject = true,
    .candidates = kContainerIds,
    .run = parse_and_run<PsOptions, ps>,
};

}  // namespace shoji::cli::oci
