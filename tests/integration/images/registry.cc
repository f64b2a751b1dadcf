#include "tests/integration/images/registry.h"

#include <filesystem>

#include "tests/catch.h"
#include "tests/integration/images/strangers.h"
#include "tests/integration/match.h"
#include "tests/integration/wait.h"

namespace shoji::test {
namespace {

// bcrypt of Registry::kPassword, the only hash that docker-registry takes.
constexpr const char* kPasswordFile = "person:$2b$04$nrmOahllOp.EfSkVi9P.g.I4QYpRaiH8e2SgM4yzn110ldi97sDO2\n";

std::string text_between(const std::string& text, const std::string& start, const std::string& end) {
  size_t from = text.find(start);
  if (from == std::string::npos) return "";
  from += start.size();
  size_t to = text.find(end, from);
  return to == std::string::npos ? "" : text.substr(from, to - from);
}

// The lines of the log that tell of a response, shortened.
std::string responses(const std::string& log) {
  std::string out;
  for (size_t at = 0; at < log.size();) {
    size_t end = std::min(log.find('\n', at), log.size());
    std::string line = log.substr(at, end - at);
    std::string status = text_between(line, "http.response.status=", " ");
    if (!status.empty())
      out += text_between(line, "http.request.method=", " ") + " " +
             text_between(line + " ", "http.request.uri=", " ") + " " + status + "\n";
    at = end + 1;
  }
  std::erase(out, '"');
  return out;
}

}  // namespace

Registry::Registry(const RegistryOptions& options) : options_(options) {
  write_files(options);
  server_.emplace(Command{.argv = {tool("docker-registry"), "serve", directory_.path() + "/config.yml"},
                          .service = true});
  REQUIRE(eventually(
      [this] {
        // The kernel chooses the port, so that it is free.
        std::string port = text_between(server_->err() + server_->out(), "listening on 127.0.0.1:", "\"");
        port = port.substr(0, port.find_first_not_of("0123456789"));
        address_ = "127.0.0.1:" + port;
        return !port.empty() || !server_->running();
      },
      20));
  if (!server_->running()) FAIL("docker-registry ended: " << server_->err());
}

void Registry::write_files(const RegistryOptions& options) const {
  std::string config =
      "version: 0.1\n"
      "log: {level: info, accesslog: {disabled: true}}\n"
      "storage:\n  filesystem: {rootdirectory: " +
      files() +
      "}\n  delete: {enabled: true}\n"
      "http:\n  addr: \"127.0.0.1:0\"\n  secret: tests\n";
  if (options.tls) {
    must({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
          "-days", "2", "-subj", "/CN=tests", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
          directory_.path() + "/key.pem", "-out", ca_file()});
    config += "  tls: {certificate: " + ca_file() + ", key: " + directory_.path() + "/key.pem}\n";
  }
  if (options.login) {
    write_text(directory_.path() + "/passwords", kPasswordFile);
    config += "auth:\n  htpasswd: {realm: tests, path: " + directory_.path() + "/passwords}\n";
  }
  write_text(directory_.path() + "/config.yml", config);
}

std::string Registry::blob_file(const std::string& digest) const {
  std::string hex = digest.substr(digest.find(':') + 1);
  return files() + "/docker/registry/v2/blobs/" + digest.substr(0, digest.find(':')) + "/" +
         hex.substr(0, 2) + "/" + hex + "/data";
}

std::string Registry::requests() const {
  return server_ ? responses(server_->err() + server_->out()) : "";
}

size_t Registry::count(const std::string& part) const {
  std::string all = requests();
  size_t found = 0;
  for (size_t at = all.find(part); at != std::string::npos; at = all.find(part, at + 1)) ++found;
  return found;
}

void Registry::push_layout(const std::string& layout, const std::string& name, bool docker_format) const {
  std::vector<std::string> argv = {"skopeo", "copy", "-q", "--insecure-policy", "--dest-tls-verify=false"};
  if (docker_format) argv.insert(argv.end(), {"--format", "v2s2"});
  if (options_.login) argv.insert(argv.end(), {"--dest-creds", std::string(kUser) + ":" + kPassword});
  argv.insert(argv.end(), {"oci:" + layout, "docker://" + address_ + "/" + name});
  must(argv);
}

void Registry::fetch_layout(const std::string& name, const std::string& layout) const {
  std::vector<std::string> argv = {"skopeo", "copy", "-q", "--insecure-policy", "--src-tls-verify=false"};
  if (options_.login) argv.insert(argv.end(), {"--src-creds", std::string(kUser) + ":" + kPassword});
  argv.insert(argv.end(), {"docker://" + address_ + "/" + name, "oci:" + layout});
  must(argv);
}

}  // namespace shoji::test
