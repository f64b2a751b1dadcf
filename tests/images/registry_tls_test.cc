// Certificates: a throw-away authority, servers by openssl, reached under made-up names through a proxy's tunnel
// (for what is on the loopback certificates do not count).
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include <csignal>
#include <optional>

#include "tests/catch.h"
#include "tests/images/fake_registry.h"
#include "tests/images/temporary.h"

using namespace shoji;
using namespace shoji::images;

namespace {

struct Authority : Temporary {
  Authority() {
    openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority -keyout "
        "ca.key -out ca.pem");
    certify("registry.test");
  }
  // NAME.key and NAME.pem
  void certify(const std::string& name) const {
    openssl(cat("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=", name, " -keyout ", name,
                ".key -out ", name, ".csr"));
    write("extensions", cat("subjectAltName=DNS:", name, "\n"));
    openssl(cat("x509 -req -days 2 -CA ca.pem -CAkey ca.key -CAcreateserial -extfile extensions -in ", name,
                ".csr -out ", name, ".pem"));
  }
};

// openssl s_server -HTTP: each file is a whole answer.
class TlsServer {
 public:
  TlsServer(const Authority& authority, const std::string& name, std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"openssl",
                                      "s_server",
                                      "-accept",
                                      "127.0.0.1:0",
                                      "-HTTP",
                                      "-cert",
                                      authority / (name + ".pem"),
                                      "-key",
                                      authority / (name + ".key")};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    int in[2], out[2];
    REQUIRE(pipe2(in, O_CLOEXEC) == 0);
    REQUIRE(pipe2(out, O_CLOEXEC) == 0);
    in_ = UniqueFd(in[1]);
    out_ = UniqueFd(out[0]);
    UniqueFd its_in(in[0]), its_out(out[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, authority.path.c_str());
    posix_spawn_file_actions_adddup2(&actions, its_in.get(), 0);
    posix_spawn_file_actions_adddup2(&actions, its_out.get(), 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int err = posix_spawn(&pid_, "/usr/bin/openssl", &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    REQUIRE(err == 0);
    its_out.reset();
    find_port();
  }
  ~TlsServer() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  [[nodiscard]] int port() const { return port_; }

 private:
  void find_port() {
    std::string said;
    constexpr std::string_view kLine = "ACCEPT 127.0.0.1:";
    for (int i = 0; i < 500; i++) {
      pollfd waiting{.fd = out_.get(), .events = POLLIN, .revents = 0};
      char bytes[512];
      if (poll(&waiting, 1, 20) > 0) {
        ssize_t n = read(out_.get(), bytes, sizeof bytes);
        REQUIRE(n > 0);
        said.append(bytes, static_cast<size_t>(n));
      }
      size_t at = said.find(kLine);
      if (at == std::string::npos || said.find('\n', at) == std::string::npos) continue;
      port_ = std::atoi(said.c_str() + at + kLine.size());
      return;
    }
    FAIL("openssl s_server has said: " << said);
  }
  pid_t pid_ = -1;
  UniqueFd in_, out_;
  int port_ = 0;
};

void write_manifest(const Authority& authority) {
  authority.write("v2/team/x/manifests/1", cat("HTTP/1.0 200 OK\r\nContent-Type: ", media_type::kOciManifest,
                                               "\r\nContent-Length: 2\r\n\r\n{}"));
}

// Everything asked by TLS ends at `server`.
struct Tunnel {
  FakeRegistry proxy;
  explicit Tunnel(const TlsServer& server)
      : proxy([port = server.port()](const FakeRequest& request) {
          if (request.method != "CONNECT") return FakeReply{.status = 405};
          return FakeReply{.tunnel_to = port};
        }) {
    setenv("https_proxy", proxy.url().c_str(), 1);
    setenv("http_proxy", proxy.url().c_str(), 1);
  }
  ~Tunnel() { forget_environment(); }
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;
};

}  // namespace

TEST_CASE("a certificate of an authority that the configuration names is good, and of another one not") {
  Authority authority;
  write_manifest(authority);
  TlsServer server(authority, "registry.test");
  Tunnel tunnel(server);
  ImagesConfig config;
  Result<FetchedManifest> unknown = repository_at("registry.test", config).manifest("1");
  REQUIRE(!unknown);
  CHECK_THAT(
      unknown.error().text,
      Catch::StartsWith("GET \"https://registry.test/v2/team/x/manifests/1\": SSL certificate problem"));
  CHECK(tunnel.proxy.requests().size() == 1);  // asking again does not help
  CHECK(tunnel.proxy.requests()[0].target == "registry.test:443");
  config.registries["registry.test"].ca_file = authority / "ca.pem";
  Result<FetchedManifest> known = repository_at("registry.test", config).manifest("1");
  REQUIRE(known);
  CHECK(known->text == "{}");
  config.registries["registry.test"] = {};
  config.registries["registry.test"].insecure = true;
  CHECK(repository_at("registry.test", config).manifest("1"));
}

TEST_CASE("a good certificate for another name is refused") {
  Authority authority;
  write_manifest(authority);
  TlsServer server(authority, "registry.test");
  Tunnel tunnel(server);
  ImagesConfig config;
  config.registries["evil.test"].ca_file = authority / "ca.pem";
  Result<FetchedManifest> manifest = repository_at("evil.test", config).manifest("1");
  REQUIRE(!manifest);
  CHECK_THAT(manifest.error().text, Catch::Contains("evil.test"));
  CHECK(tunnel.proxy.requests().size() == 1);
}

TEST_CASE("a registry that asks for a client's certificate gets it") {
  Authority authority;
  authority.certify("person");
  write_manifest(authority);
  TlsServer server(authority, "registry.test",
                   {"-Verify", "1", "-verify_return_error", "-CAfile", authority / "ca.pem"});
  Tunnel tunnel(server);
  ImagesConfig config;
  RegistryConfig& registry = config.registries["registry.test"];
  registry.ca_file = authority / "ca.pem";
  CHECK(!repository_at("registry.test", config).manifest("1"));
  registry.client_certificate = authority / "person.pem";
  registry.client_key = authority / "person.key";
  CHECK(repository_at("registry.test", config).manifest("1"));
  registry.client_key = authority / "absent.key";
  CHECK(!repository_at("registry.test", config).manifest("1"));
}

TEST_CASE("a registry with TLS does not lead us to where there is none") {
  Authority authority;
  authority.write("v2/team/x/manifests/1",
                  "HTTP/1.0 302 Found\r\nLocation: http://plain.test/x\r\nContent-Length: 0\r\n\r\n");
  TlsServer server(authority, "registry.test");
  Tunnel tunnel(server);
  ImagesConfig config;
  config.registries["registry.test"].ca_file = authority / "ca.pem";
  Result<FetchedManifest> manifest = repository_at("registry.test", config).manifest("1");
  REQUIRE(!manifest);
  CHECK_THAT(manifest.error().text, Catch::Contains("leads from TLS to \"http://plain.test/x\""));
  for (const FakeRequest& request : tunnel.proxy.requests()) CHECK(request.method == "CONNECT");
}

TEST_CASE("a link of a registry with TLS leads to where there is TLS, or nowhere") {
  Authority authority;
  authority.write("v2/team/x/tags/list?n=1000",
                  "HTTP/1.0 200 OK\r\nLink: <http://plain.test/more>; rel=\"next\"\r\nContent-Length: "
                  "11\r\n\r\n{\"tags\":[]}");
  TlsServer server(authority, "registry.test");
  Tunnel tunnel(server);
  ImagesConfig config;
  config.registries["registry.test"].ca_file = authority / "ca.pem";
  Result<std::vector<std::string>> tags = repository_at("registry.test", config).tags();
  REQUIRE(!tags);
  CHECK_THAT(tags.error().text, Catch::Contains("leads from TLS to \"http://plain.test/more\""));
  for (const FakeRequest& request : tunnel.proxy.requests()) CHECK(request.method == "CONNECT");
}

TEST_CASE("a token server without TLS does not get the password of a registry with TLS") {
  Authority authority;
  authority.write("v2/team/x/manifests/1",
                  "HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Bearer "
                  "realm=\"http://token.test/\"\r\nContent-Length: 0\r\n\r\n");
  TlsServer server(authority, "registry.test");
  Tunnel tunnel(server);
  authority.write("auth.json", R"({"auths": {"registry.test": {"auth": "YTox"}}})");
  setenv("REGISTRY_AUTH_FILE", (authority / "auth.json").c_str(), 1);
  ImagesConfig config;
  config.registries["registry.test"].ca_file = authority / "ca.pem";
  Result<FetchedManifest> manifest = repository_at("registry.test", config).manifest("1");
  REQUIRE(!manifest);
  CHECK_THAT(manifest.error().text, Catch::Contains("would get the password without TLS"));
  for (const FakeRequest& request : tunnel.proxy.requests()) CHECK(request.method == "CONNECT");
}
