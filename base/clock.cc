#include "base/clock.h"

#include <chrono>
#include <cstdio>
#include <ctime>

namespace shoji {

std::string rfc3339_now(TimeDigits digits) {
  // gmtime_r(3) would read the time zone file first; the calendar of <chrono> is arithmetic alone.
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const std::chrono::seconds since_epoch(now.tv_sec);
  const auto days = std::chrono::floor<std::chrono::days>(since_epoch);
  const std::chrono::year_month_day date{std::chrono::sys_days(days)};
  const auto second = static_cast<int>((since_epoch - days).count());
  char text[48];
  int length = snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), second / 3600,
                        second / 60 % 60, second % 60);
  std::string out(text, static_cast<size_t>(length));
  if (digits == TimeDigits::kNanoseconds) {
    length = snprintf(text, sizeof text, ".%09ld", now.tv_nsec);
    out.append(text, static_cast<size_t>(length));
  }
  out += 'Z';
  return out;
}

}  // namespace shoji
