// Whatever the bytes of a manifest, an index or a configuration are, reading ends with a value that prints to what reads
// the same, or with one sentence.
#include <cstdlib>
#include <string>

#include "images/store/manifest.h"
#include "tests/fuzz/sentence.h"

using namespace shoji;
using namespace shoji::images;

namespace {

// Printing leaves out what is empty, so that it is the second print that has to be the same.
template <typename Read, typename Print>
void check_round(const std::string& printed, Read read, Print print) {
  auto again = read(printed);
  if (!again || print(*again) != printed) abort();
}

void check_index(const Index& index) {
  for (std::string_view platform : {"linux/amd64", "linux/arm64/v8", "linux/arm/v7"})
    is_good(select_platform(index, *parse_platform(platform)));
  check_round(
      print_index(index), [](const std::string& text) { return parse_manifest(text, ""); },
      [](const AnyManifest& any) { return print_index(std::get<Index>(any)); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  for (std::string_view announced :
       {std::string_view(), media_type::kDockerManifest, media_type::kOciIndex}) {
    auto any = parse_manifest(text, announced);
    if (!is_good(any)) continue;
    if (const auto* index = std::get_if<Index>(&*any)) {
      check_index(*index);
      continue;
    }
    const auto& manifest = std::get<Manifest>(*any);
    for (const Descriptor& layer : manifest.layers) is_good(layer_compression(layer.media_type));
    check_round(
        print_manifest(manifest), [](const std::string& printed) { return parse_manifest(printed, ""); },
        [](const AnyManifest& again) { return print_manifest(std::get<Manifest>(again)); });
  }
  auto config = parse_image_config(text);
  if (is_good(config))
    check_round(
        print_image_config(*config), [](const std::string& printed) { return parse_image_config(printed); },
        [](const ImageConfig& again) { return print_image_config(again); });
  return 0;
}
