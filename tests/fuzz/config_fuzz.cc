// Whatever the bytes of a config.json are, loading ends with a Spec or with one sentence of one line.
#include <cstdint>
#include <string>

#include "base/json.h"
#include "spec/fields.h"
#include "spec/mount_options.h"
#include "spec/validate.h"
#include "tests/fuzz/sentence.h"

using namespace shoji;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto document = JsonDocument::parse(std::string(reinterpret_cast<const char*>(data), size), "config.json");
  if (!is_good(document)) return 0;
  is_good(load_process(*document));
  is_good(load_resources(*document));
  auto spec = load_spec(*document);
  if (!is_good(spec)) return 0;
  for (const Mount& mount : spec->mounts) is_good(parse_mount_options(mount));
  if (is_good(validate(*spec))) spec_warnings(*spec);
  return 0;
}
