#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace shoji::images {

// RFC 3339, in UTC: "1970-01-01T00:00:00Z".
std::string utc_text(int64_t seconds);
// https://reproducible-builds.org/specs/source-date-epoch/
std::optional<int64_t> source_date_epoch();

}  // namespace shoji::images
