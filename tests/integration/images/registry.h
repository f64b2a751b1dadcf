#pragma once
// A docker-registry of the test's own, on 127.0.0.1 and a free port, with its files in a temporary directory. It ends
// with the object.
#include <optional>
#include <string>

#include "tests/integration/bundle.h"
#include "tests/integration/process.h"

namespace shoji::test {

struct RegistryOptions {
  bool login = false;  // asks for kUser and kPassword
  bool tls = false;    // with a certificate of its own authority, ca_file()
};

class Registry {
 public:
  static constexpr const char* kUser = "person";
  static constexpr const char* kPassword = "secret word";

  explicit Registry(const RegistryOptions& options = {});

  [[nodiscard]] const std::string& address() const { return address_; }  // "127.0.0.1:41234"
  [[nodiscard]] std::string ca_file() const { return directory_.path() + "/cert.pem"; }
  [[nodiscard]] std::string files() const { return directory_.path() + "/data"; }  // docker/registry/v2/...
  [[nodiscard]] std::string blob_file(const std::string& digest) const;
  // One line per answered request: "GET /v2/name/manifests/tag 200".
  [[nodiscard]] std::string requests() const;
  [[nodiscard]] size_t count(const std::string& part) const;  // of requests that contain `part`
  void stop() { server_.reset(); }

  // By skopeo: an image of an OCI layout (LAYOUT:TAG) to NAME:TAG here, and back. As docker's schema 2 if asked for.
  void push_layout(const std::string& layout, const std::string& name, bool docker_format = false) const;
  void fetch_layout(const std::string& name, const std::string& layout) const;

 private:
  void write_files(const RegistryOptions& options) const;
  TemporaryDirectory directory_;
  std::optional<Process> server_;
  std::string address_;
  RegistryOptions options_;
};

}  // namespace shoji::test
