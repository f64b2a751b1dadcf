// Whatever a name of an image is, it is refused with a sentence, or its canonical text means the same and makes a file
// name of one component.
#include <cstdlib>
#include <string>

#include "images/store/names.h"
#include "tests/fuzz/sentence.h"

using namespace shoji;
using namespace shoji::images;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  is_good(Digest::parse(text));
  is_good(Digest::parse_file_name(text));
  is_good(parse_platform(text));
  auto reference = parse_reference(text);
  if (!is_good(reference)) return 0;
  auto again = parse_reference(reference->text());
  if (!again || *again != *reference || again->text() != reference->text()) abort();
  std::string file = name_file(*reference);
  if (file.empty() || file.front() == '.' || file.size() > 255 || file.find('/') != std::string::npos)
    abort();
  return 0;
}
