#include "images/registry/credential_helper.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/json.h"
#include "base/spawn.h"

namespace shoji::images {

namespace {

constexpr int kPatienceMs = 60'000;                             // it may ask a key ring, or somebody
constexpr std::string_view kUnknown = "credentials not found";  // what every helper says, whatever its status

// A name from a file becomes part of a program's name: nothing that leads elsewhere.
bool is_helper_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

std::string find_program(const std::string& name) {
  const char* path = getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  while (!rest.empty()) {
    std::string_view directory = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(directory.size() + 1, rest.size()));
    std::string candidate = cat(directory, '/', name);
    if (directory.starts_with('/') && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

struct Said {
  bool known = true;
  std::string out;
};

Result<Said> run(const std::string& helper, const char* verb, std::string_view input) {
  if (!is_helper_name(helper))
    return fail(Kind::kInvalid, cat("credential helper ", quote(helper), " is no name"));
  std::string program = cat("docker-credential-", helper);
  SpawnRequest request;
  request.path = find_program(program);
  if (request.path.empty())
    return fail(Kind::kNotFound, cat("credential helper ", quote(program), " is not in PATH"));
  request.args = {program, verb};
  for (char** variable = environ; *variable != nullptr; variable++) request.env.emplace_back(*variable);
  TRY_ASSIGN(Captured captured, run_captured(request, input, kPatienceMs));
  if (captured.timed_out)
    return fail(Kind::kSystem, cat("credential helper ", quote(program), " has not answered for ",
                                   kPatienceMs / 1000, " s"));
  if (captured.status == 0) return Said{.known = true, .out = std::move(captured.out)};
  if (captured.out.starts_with(kUnknown)) return Said{.known = false, .out = {}};
  std::string_view words = captured.out.empty() ? captured.err : captured.out;
  words = words.substr(0, std::min<size_t>(words.find('\n'), 200));
  return fail(Kind::kSystem,
              cat("credential helper ", quote(program), " ", verb, ": ", status_text(captured.status),
                  words.empty() ? "" : ": ", words.empty() ? "" : quote(words)));
}

}  // namespace

Result<Credentials> helper_get(const std::string& helper, const std::string& server) {
  TRY_ASSIGN(Said said, run(helper, "get", server));
  Credentials found;
  if (!said.known) return found;
  TRY_ASSIGN(JsonDocument document,
             JsonDocument::parse(std::move(said.out), cat("answer of credential helper ", quote(helper))));
  Json user = document.root().find("Username"), secret = document.root().find("Secret");
  if (!user.is_string() || !secret.is_string())
    return fail(Kind::kInvalid,
                cat("answer of credential helper ", quote(helper), " has no user name and secret"));
  std::string_view name = user.as_string().value_or("");
  // The helpers' protocol: this name marks an identity token.
  if (name == "<token>") {
    found.identity_token = secret.as_string().value_or("");
  } else {
    found.user = name;
    found.password = secret.as_string().value_or("");
  }
  return found;
}

Result<> helper_store(const std::string& helper, const std::string& server, const Credentials& credentials) {
  bool token = !credentials.identity_token.empty();
  JsonWriter json;
  json.begin_object()
      .member("ServerURL", std::string_view(server))
      .member("Username", std::string_view(token ? "<token>" : credentials.user))
      .member("Secret", std::string_view(token ? credentials.identity_token : credentials.password))
      .end_object();
  TRY(run(helper, "store", json.take()));
  return {};
}

Result<> helper_erase(const std::string& helper, const std::string& server) {
  TRY_ASSIGN(Said said, run(helper, "erase", server));
  if (!said.known) return fail(Kind::kNotFound, cat("no credentials for registry ", quote(server)));
  return {};
}

}  // namespace shoji::images
