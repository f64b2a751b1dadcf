#pragma once
// /etc/shoji/images.json: where the store is, how registries are reached, what short names mean, what is too much.
// docs/images.md describes every key; an unknown key is an error with its JSON pointer.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"

namespace shoji::images {

struct RegistryConfig {
  std::vector<std::string> mirrors;  // tried in order before the registry itself: "HOST[:PORT][/PREFIX]"
  bool insecure = false;             // plain http, or https with any certificate
  bool blocked = false;
  std::string ca_file;  // additional authority, PEM
  std::string client_certificate, client_key;
};

// What unpacking a layer may cost; more is refused with a sentence.
struct UnpackLimits {
  uint64_t bytes = uint64_t{64} << 30;       // of all files of a layer
  uint64_t entries = 600'000;                // of a layer
  uint64_t file_bytes = uint64_t{16} << 30;  // of one file
  uint32_t ratio = 0;                        // uncompressed : compressed, beyond the first 256 MiB; 0: any
  uint32_t path_bytes = 4095, name_bytes = 255, xattr_bytes = 64 << 10, depth = 256;
};

struct ImagesConfig {
  std::string store = "/var/lib/shoji/images";
  std::vector<std::string> shared_stores;            // looked into as well, never written
  std::map<std::string, RegistryConfig> registries;  // by "HOST[:PORT]"
  std::map<std::string, std::string> aliases;        // short name -> "registry/repository"
  std::vector<std::string> search;                   // registries tried for other short names, in order
  std::string policy;  // path of the trust policy; empty: everything is accepted
  UnpackLimits limits;
  uint32_t parallel_layers = 3;
  uint32_t retries = 5;
  std::string format = "auto";  // of unpacked layers: auto, composed (erofs over shared objects), tree
};

// `path` empty: $SHOJI_IMAGES_CONFIG, else /etc/shoji/images.json, where an absent file means the defaults.
Result<ImagesConfig> load_images_config(const std::string& path);

}  // namespace shoji::images
