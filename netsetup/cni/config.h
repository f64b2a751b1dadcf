#pragma once
// Network configurations of the host as the CNI specification has them ("Network configuration format"): *.conflist files
// with a list of plugins, *.conf and *.json files with one plugin.
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace shoji::net {

// Where CNI's files are.
struct CniPlaces {
  std::string configurations = "/etc/cni/net.d";
  std::string plugins =  // directories with colons between them
      "/opt/cni/bin:/usr/local/libexec/cni:/usr/libexec/cni:/usr/local/lib/cni:/usr/lib/cni";
  int timeout_ms = 120'000;  // of one plugin; DHCP is slow

  // As cnitool(1) reads it: NETCONFPATH and CNI_PATH.
  static CniPlaces of_environment();
};

struct CniPlugin {
  std::string type;
  std::vector<std::string> capabilities;  // what may be passed in runtimeConfig
  std::string document;                   // the configuration object as it was written
};

struct CniConfig {
  std::string name;
  std::string version;  // the highest one that it offers and we know
  bool check = true;    // false: disableCheck
  std::vector<CniPlugin> plugins;

  [[nodiscard]] bool has_capability(std::string_view name) const;
  // "0.4.0" and later: CHECK exists, and DEL gets the result of ADD.
  [[nodiscard]] bool keeps_result() const { return version != "0.3.0" && version != "0.3.1"; }
};

// `text` is the document, `source` opens the message.
Result<CniConfig> parse_cni_config(std::string text, std::string_view source);
// As a list, so that parse_cni_config() reads the same again.
std::string print_cni_config(const CniConfig& config);

// kNotFound names those that there are.
Result<CniConfig> find_cni_config(const CniPlaces& places, std::string_view name);
// Sorted; files that cannot be read as configurations are left out.
Result<std::vector<std::string>> list_cni_configs(const CniPlaces& places);

}  // namespace shoji::net
