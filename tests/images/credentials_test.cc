// Files and programs that keep credentials.
#include <fcntl.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>

#include "base/io.h"
#include "images/registry/credentials.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::images;

namespace {

// A home directory of the test's own, gone with the object.
struct Home {
  std::string path;
  std::string search = getenv("PATH") != nullptr ? getenv("PATH") : "";  // others have this environment, too
  Home() {
    char name[] = "/tmp/shoji-home-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path = name;
    for (const char* variable : {"REGISTRY_AUTH_FILE", "XDG_CONFIG_HOME", "DOCKER_CONFIG"})
      unsetenv(variable);
    setenv("HOME", path.c_str(), 1);
    setenv("XDG_RUNTIME_DIR", (path + "/run").c_str(), 1);
  }
  ~Home() {
    setenv("PATH", search.c_str(), 1);
    ignore(remove_tree(path), "a test's leftovers are seen by the host's check");
  }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;

  void write(const std::string& name, std::string_view text, mode_t mode = 0600) const {
    std::string file = path + "/" + name;
    REQUIRE(make_directories(file.substr(0, file.rfind('/')), 0700));
    REQUIRE(write_file_atomically(file, text, mode));
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    return read_file(path + "/" + name).value_or("");
  }
  // A credential helper: its answer, and what it was asked in asked-NAME.
  void helper(const std::string& name, std::string_view script) const {
    write("bin/docker-credential-" + name,
          cat("#!/bin/sh\n{ echo $1; cat; } >> ", path, "/asked-", name, "\n", script), 0700);
    REQUIRE(chmod((path + "/bin/docker-credential-" + name).c_str(), 0700) == 0);
    setenv("PATH", cat(path, "/bin:", search).c_str(), 1);
    signal(SIGPIPE, SIG_IGN);  // what the programs do
  }
};

std::string user_of(const std::string& registry, const std::string& repository = "team/app") {
  Result<Credentials> found = find_credentials(registry, repository);
  return found ? found->user : found.error().text;
}

}  // namespace

TEST_CASE("the most specific entry counts") {
  Home home;
  // a:1, b:2, c:3
  home.write("run/containers/auth.json", R"({"auths": {
    "reg.example": {"auth": "YTox"}, "reg.example/team": {"auth": "Yjoy"}, "reg.example/team/app": {"auth": "Yzoz"}}})");
  CHECK(user_of("reg.example", "team/app") == "c");
  CHECK(user_of("reg.example", "team/other") == "b");
  CHECK(user_of("reg.example", "team2/other") == "a");
  CHECK(user_of("reg.example", "") == "a");
  CHECK(user_of("other.example").empty());
  CHECK(find_credentials("reg.example", "team/app")->password == "3");
}

TEST_CASE("files are read in their order, and REGISTRY_AUTH_FILE replaces them all") {
  Home home;
  home.write(".docker/config.json",
             R"({"auths": {"reg.example": {"auth": "ZDo0"}, "old.example": {"auth": "ZDo0"}}})");
  CHECK(user_of("reg.example") == "d");
  home.write(".config/containers/auth.json", R"({"auths": {"reg.example": {"auth": "Yjoy"}}})");
  CHECK(user_of("reg.example") == "b");
  home.write("run/containers/auth.json", R"({"auths": {"reg.example": {"auth": "YTox"}}})");
  CHECK(user_of("reg.example") == "a");
  CHECK(user_of("old.example") == "d");
  setenv("REGISTRY_AUTH_FILE", (home.path + "/mine.json").c_str(), 1);
  CHECK(user_of("reg.example").empty());
  home.write("mine.json", R"({"auths": {"reg.example": {"auth": "Yzoz"}}})");
  CHECK(user_of("reg.example") == "c");
  unsetenv("REGISTRY_AUTH_FILE");
}

TEST_CASE("names that docker wrote in older times are understood") {
  Home home;
  home.write(".docker/config.json", R"({"auths": {"https://index.docker.io/v1/": {"auth": "YTox"},
    "https://reg.example": {"auth": "Yjoy"}, "token.example": {"auth": "Yjoy", "identitytoken": "it"}}})");
  CHECK(user_of("docker.io", "library/nginx") == "a");
  CHECK(user_of("reg.example") == "b");
  CHECK(find_credentials("token.example", "x")->identity_token == "it");
}

TEST_CASE("a file that is not what it should be is an error that names it, never a login") {
  Home home;
  std::string text = GENERATE("{", R"({"auths": {"reg.example": {"auth": "***"}}})",
                              R"({"auths": {"reg.example": {"auth": "YWJj"}}})");
  home.write("run/containers/auth.json", text);
  Result<Credentials> found = find_credentials("reg.example", "x");
  REQUIRE(!found);
  CHECK_THAT(found.error().text, Catch::Contains(home.path + "/run/containers/auth.json"));
}

TEST_CASE("entries of strange types are no credentials") {
  Home home;
  std::string text =
      GENERATE("[]", R"({"auths": []})", R"({"auths": {"reg.example": 7}})",
               R"({"auths": {"reg.example": {"auth": 7}}})", R"({"auths": {"reg.example": {}}})", "{}");
  home.write("run/containers/auth.json", text);
  Result<Credentials> found = find_credentials("reg.example", "x");
  REQUIRE(found);
  CHECK(found->empty());
}

TEST_CASE("credentials are saved for us alone, and everything else in the file stays") {
  Home home;
  home.write("run/containers/auth.json",
             R"({"HttpHeaders": {"X": ["1", 2.5, null]}, "number": -7, "yes": true,
    "auths": {"other.example": {"auth": "Yjoy", "email": "x\u0041"}, "reg.example": {"auth": "YTox"}}})",
             0644);
  REQUIRE(save_credentials("reg.example", {.user = "ändré", .password = "p:w \"x\"", .identity_token = {}}));
  Result<Credentials> found = find_credentials("reg.example", "x");
  REQUIRE(found);
  CHECK(found->user == "ändré");
  CHECK(found->password == "p:w \"x\"");
  CHECK(user_of("other.example") == "b");
  std::string text = home.read("run/containers/auth.json");
  for (const char* kept : {R"({"X": ["1", 2.5, null]})", "-7", "true", R"("email": "x\u0041")"})
    CHECK_THAT(text, Catch::Contains(kept));
  struct stat status{};
  REQUIRE(stat((home.path + "/run/containers/auth.json").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  CHECK(
      save_credentials("reg.example", {.user = "a:b", .password = "c", .identity_token = {}}).error().kind ==
      Kind::kInvalid);
}

TEST_CASE("credentials are removed, and what is not there is not found") {
  Home home;
  CHECK(remove_credentials("reg.example").error().kind == Kind::kNotFound);
  REQUIRE(save_credentials("docker.io", {.user = "a", .password = "1", .identity_token = {}}));
  REQUIRE(save_credentials("reg.example", {.user = "b", .password = "2", .identity_token = "it"}));
  CHECK(find_credentials("reg.example", "x")->identity_token == "it");
  REQUIRE(remove_credentials("reg.example"));
  CHECK(user_of("reg.example").empty());
  CHECK(user_of("docker.io") == "a");
  CHECK(remove_credentials("reg.example").error().kind == Kind::kNotFound);
}

TEST_CASE("a file that cannot be read is not replaced by one with a single entry") {
  Home home;
  home.write("run/containers/auth.json", "{ torn");
  CHECK(!save_credentials("reg.example", {.user = "a", .password = "1", .identity_token = {}}));
  CHECK(home.read("run/containers/auth.json") == "{ torn");
}

TEST_CASE("a credential helper is asked for its registries") {
  Home home;
  home.helper("test", R"(echo '{"ServerURL":"x","Username":"h","Secret":"s"}')");
  home.helper("all", R"(echo '{"ServerURL":"x","Username":"<token>","Secret":"it"}')");
  home.write("run/containers/auth.json", R"({"credHelpers": {"reg.example": "test"}, "credsStore": "all",
    "auths": {"reg.example": {}}})");
  CHECK(user_of("reg.example") == "h");
  CHECK(find_credentials("other.example", "x")->identity_token == "it");
  CHECK(home.read("asked-test") == "get\nreg.example");
  REQUIRE(save_credentials("reg.example", {.user = "u", .password = "p\"w", .identity_token = {}}));
  CHECK(home.read("asked-test") ==
        "get\nreg.examplestore\n{\"ServerURL\":\"reg.example\",\"Username\":\"u\",\"Secret\":\"p\\\"w\"}");
  REQUIRE(remove_credentials("reg.example"));
  CHECK_THAT(home.read("asked-test"), Catch::EndsWith("erase\nreg.example"));
}

TEST_CASE("a credential helper that knows nothing is no error, one that fails is") {
  Home home;
  home.write("run/containers/auth.json",
             R"({"credsStore": "test", "auths": {"reg.example": {"auth": "YTox"}}})");
  home.helper("test", "echo 'credentials not found in native keychain'; exit 1");
  CHECK(user_of("reg.example") == "a");
  home.helper("test", "echo 'no key ring' >&2; exit 3");
  CHECK(user_of("reg.example") ==
        "credential helper \"docker-credential-test\" get: exit status 3: \"no key ring\"");
  home.helper("test", "echo nonsense");
  CHECK(!find_credentials("reg.example", "x"));
  home.write("run/containers/auth.json", R"({"credsStore": "../../evil"})");
  CHECK(user_of("reg.example") == "credential helper \"../../evil\" is no name");
  home.write("run/containers/auth.json", R"({"credsStore": "absent"})");
  CHECK(user_of("reg.example") == "credential helper \"docker-credential-absent\" is not in PATH");
}
