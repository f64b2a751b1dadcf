#include <algorithm>
#include <charconv>
#include <map>

#include "base/io.h"
#include "cli/oci/verbs.h"
#include "runtime/inspect.h"

namespace shoji::cli::oci {

namespace {

struct ListOptions {
  std::string format = "table";
  bool quiet = false;
};

constexpr Option kOptions[] = {
    option<&ListOptions::format>("format", 'f', "table or json", "table"),
    option<&ListOptions::quiet>("quiet", 'q', "only the ids"),
};

// Names from passwd(5), read once. A static program has no other sources of users.
class Owners {
 public:
  std::string name(uid_t uid) {
    if (!read_) read();
    auto found = names_.find(uid);
    return found != names_.end() ? found->second : cat("#", uid);
  }

 private:
  void read() {
    read_ = true;
    auto text = read_file("/etc/passwd");
    if (!text) return;
    for (size_t at = 0; at < text->size();) {
      size_t end = std::min(text->find('\n', at), text->size());
      add(std::string_view(*text).substr(at, end - at));
      at = end + 1;
    }
  }
  void add(std::string_view line) {
    size_t password = line.find(':');
    size_t number = password == std::string_view::npos ? password : line.find(':', password + 1);
    if (number == std::string_view::npos) return;
    uid_t uid = 0;
    auto [end, error] = std::from_chars(line.data() + number + 1, line.data() + line.size(), uid);
    if (error == std::errc() && end != line.data() + line.size() && *end == ':')
      names_.try_emplace(uid, line.substr(0, password));
  }

  bool read_ = false;
  std::map<uid_t, std::string> names_;
};

using Row = std::vector<std::string>;

// Columns as runc sets them: at least 12 wide, three spaces apart, the last one as it is.
std::string table(const std::vector<Row>& rows) {
  constexpr size_t kNarrowest = 12;
  constexpr size_t kGap = 3;
  std::vector<size_t> widths(rows[0].size(), 0);
  for (const Row& row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max({widths[i], row[i].size() + kGap, kNarrowest});
  std::string out;
  for (const Row& row : rows) {
    for (size_t i = 0; i + 1 < row.size(); ++i)
      out += cat(row[i], std::string(widths[i] - row[i].size(), ' '));
    out += cat(row.back(), "\n");
  }
  return out;
}

std::string as_table(const std::vector<ContainerView>& views) {
  Owners owners;
  std::vector<Row> rows = {{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}};
  for (const ContainerView& view : views)
    rows.push_back({view.facts.id, std::to_string(view.pid), std::string(status_name(view.status)),
                    view.facts.bundle, view.facts.created, owners.name(view.facts.owner)});
  return table(rows);
}

std::string as_json(const std::vector<ContainerView>& views) {
  Owners owners;
  if (views.empty()) return "null\n";  // as runc
  JsonWriter json;
  json.begin_array();
  for (const ContainerView& view : views) {
    StateDocument document = state_document(view.facts, view.status, view.pid);
    std::string owner = owners.name(view.facts.owner);
    document.owner = owner;
    write_state(json, document);
  }
  json.end_array();
  return json.take() + "\n";
}

Result<int> list(const Globals& globals, ListOptions& options, Arguments& /*arguments*/) {
  if (options.format != "table" && options.format != "json")
    return fail(Kind::kInvalid, cat("invalid format ", quote(options.format), ": table or json"));
  TRY_ASSIGN(std::vector<ContainerView> views, list_containers(globals.root));
  std::string out;
  if (options.quiet) {
    for (const ContainerView& view : views) out += cat(view.facts.id, "\n");
  } else {
    out = options.format == "json" ? as_json(views) : as_table(views);
  }
  TRY(print(out));
  return kExitOk;
}

}  // namespace

constinit const Verb list_verb = {
    .name = "list",
    .summary = "list the containers below the root directory",
    .options = kOptions,
    .max_arguments = 0,
    .run = parse_and_run<ListOptions, list>,
};

}  // namespace shoji::cli::oci
