#pragma once
// A small valid configuration for tests that break one thing at a time.
#include "spec/spec.h"

namespace shoji {

inline Spec good_spec() {
  Spec spec;
  spec.oci_version = "1.3.0";
  spec.root.path = "rootfs";
  Process process;
  process.args = {"sh"};
  process.cwd = "/";
  process.env = {"PATH=/bin"};
  spec.process = process;
  for (const char* type : {"pid", "network", "ipc", "uts", "mount"})
    spec.linux.namespaces.push_back({type, ""});
  return spec;
}

}  // namespace shoji
