#include "images/transfer/utc.h"

#include <charconv>
#include <cstdlib>
#include <ctime>
#include <string_view>

namespace shoji::images {

std::string utc_text(int64_t seconds) {
  time_t when = seconds;
  tm parts{};
  char text[64];
  gmtime_r(&when, &parts);
  return {text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::optional<int64_t> source_date_epoch() {
  const char* value = getenv("SOURCE_DATE_EPOCH");
  if (value == nullptr) return std::nullopt;
  std::string_view text = value;
  int64_t seconds = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return seconds;
}

}  // namespace shoji::images
