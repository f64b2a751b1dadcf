#include "netsetup/cni/chain.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ranges>

#include "base/json.h"
#include "base/json_copy.h"
#include "base/spawn.h"

namespace shoji::net {

namespace {

constexpr size_t kQuotedLimit = 400;  // characters of a plugin's standard error in a message

// What the runtime puts into a request itself, whatever the configuration says.
bool is_reserved(std::string_view key) {
  constexpr std::string_view kReserved[] = {"cniVersion",    "cniVersions", "name",
                                            "runtimeConfig", "prevResult",  "capabilities"};
  return std::ranges::find(kReserved, key) != std::end(kReserved) || key.starts_with("cni.dev/");
}

Result<std::string> find_program(const CniPlaces& places, const std::string& type) {
  for (auto part : std::views::split(places.plugins, ':')) {
    std::string path = cat(std::string_view(part.begin(), part.end()), '/', type);
    struct stat facts{};
    if (path[0] == '/' && stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) &&
        access(path.c_str(), X_OK) == 0)
      return path;
  }
  return fail(Kind::kNotFound, cat("CNI plugin ", quote(type), " is in none of ", places.plugins));
}

// Plugins execute programs of the host (iptables(8)): they get our environment, and what the specification adds.
std::vector<std::string> environment(const CniPlaces& places, const CniCall& call, std::string_view command) {
  std::vector<std::string> out;
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (!std::string_view(*variable).starts_with("CNI_")) out.emplace_back(*variable);
  out.push_back(cat("CNI_COMMAND=", command));
  out.push_back(cat("CNI_CONTAINERID=", call.container));
  out.push_back(cat("CNI_NETNS=", call.netns));
  out.push_back(cat("CNI_IFNAME=", call.interface));
  out.emplace_back("CNI_ARGS=");
  out.push_back(cat("CNI_PATH=", places.plugins));
  return out;
}

// The codes of the specification's table that say more than "it did not work".
Kind kind_of(uint64_t code) {
  switch (code) {
    case 1:
    case 2:
      return Kind::kUnsupported;
    case 4:
    case 7:
      return Kind::kInvalid;
    case 11:
    case 50:
    case 51:
      return Kind::kState;
    default:
      return Kind::kSystem;
  }
}

std::string quoted_tail(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  if (text.size() > kQuotedLimit) text = text.substr(text.size() - kQuotedLimit);
  return text.empty() ? "" : cat("; it says ", quote(text));
}

// An error object is on the standard output of every plugin there is, and on the standard error for who reads
// "Overview" to the letter.
Failure plugin_error(const std::string& subject, const Captured& captured) {
  for (const std::string* text : {&captured.out, &captured.err}) {
    Result<JsonDocument> document = JsonDocument::parse(*text, subject);
    if (!document || !document->root().is_object()) continue;
    Json root = document->root();
    uint64_t code = root.find("code").as_uint64().value_or(0);
    std::string_view message = root.find("msg").as_string().value_or("");
    std::string_view details = root.find("details").as_string().value_or("");
    if (message.empty() && details.empty()) continue;
    std::string sentence =
        cat(subject, ": ", message, message.empty() || details.empty() ? "" : ": ", details);
    if (code == 11) sentence += " (it may work later)";
    if (text == &captured.out) sentence += quoted_tail(captured.err);
    return fail(kind_of(code), std::move(sentence));
  }
  return fail(Kind::kSystem, cat(subject, ": ", status_text(captured.status),
                                 quoted_tail(captured.err.empty() ? captured.out : captured.err)));
}

// The standard output of the plugin, which has ended well.
Result<std::string> execute(const CniPlaces& places, const CniConfig& config, const CniPlugin& plugin,
                            const CniCall& call, std::string_view command, std::string_view previous) {
  std::string subject =
      cat("CNI network ", quote(config.name), ": plugin ", quote(plugin.type), ": ", command);
  Result<std::string> program = find_program(places, plugin.type);
  if (!program) return Failure(within(cat("CNI network ", quote(config.name)), program.error()));
  SpawnRequest request{.path = *program,
                       .args = {*program},
                       .env = environment(places, call, command),
                       .join = {},
                       .directory = "/"};
  Result<Captured> captured =
      run_captured(request, cni_request(config, plugin, call, previous), places.timeout_ms);
  if (!captured) return Failure(within(subject, captured.error()));
  if (captured->timed_out)
    return fail(Kind::kSystem,
                cat(subject, ": it took longer than ", places.timeout_ms, " ms", quoted_tail(captured->err)));
  if (captured->status != 0) return plugin_error(subject, *captured);
  return std::move(captured->out);
}

}  // namespace

std::string cni_request(const CniConfig& config, const CniPlugin& plugin, const CniCall& call,
                        std::string_view previous) {
  JsonWriter out;
  out.begin_object().member("cniVersion", config.version).member("name", config.name);
  // It was read before, when the configuration was.
  Result<JsonDocument> document = JsonDocument::parse(plugin.document, plugin.type);
  if (document)
    for (Json member = document->root().first(); member.exists(); member = member.next())
      if (!is_reserved(member.key())) copy_json(out.key(member.key()), member);
  auto wanted = [&](const auto& argument) {
    return std::ranges::find(plugin.capabilities, argument.first) != plugin.capabilities.end();
  };
  if (std::ranges::any_of(call.arguments, wanted)) {
    out.key("runtimeConfig").begin_object();
    for (const auto& argument : call.arguments)
      if (wanted(argument)) out.key(argument.first).raw(argument.second);
    out.end_object();
  }
  if (!previous.empty()) out.key("prevResult").raw(previous);
  return out.end_object().take();
}

Result<std::string> cni_add(const CniPlaces& places, const CniConfig& config, const CniCall& call) {
  // Before anything is made: an absent program is the commonest mistake.
  for (const CniPlugin& plugin : config.plugins) {
    Result<std::string> program = find_program(places, plugin.type);
    if (!program) return Failure(within(cat("CNI network ", quote(config.name)), program.error()));
  }
  std::string result;
  for (const CniPlugin& plugin : config.plugins) {
    TRY_ASSIGN(result, execute(places, config, plugin, call, "ADD", result));
    std::string subject =
        cat("CNI network ", quote(config.name), ": the result of plugin ", quote(plugin.type));
    TRY_ASSIGN(JsonDocument document, JsonDocument::parse(result, subject));
    if (!document.root().is_object())
      return Failure(within(subject, document.root().unexpected("an object").error()));
  }
  return result;
}

Result<> cni_del(const CniPlaces& places, const CniConfig& config, const CniCall& call,
                 std::string_view result) {
  for (const CniPlugin& plugin : std::views::reverse(config.plugins))
    TRY(execute(places, config, plugin, call, "DEL", config.keeps_result() ? result : ""));
  return {};
}

Result<> cni_check(const CniPlaces& places, const CniConfig& config, const CniCall& call,
                   std::string_view result) {
  if (!config.check || !config.keeps_result()) return {};
  for (const CniPlugin& plugin : config.plugins) TRY(execute(places, config, plugin, call, "CHECK", result));
  return {};
}

}  // namespace shoji::net
