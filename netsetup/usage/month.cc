#include <cstdio>

#include "netsetup/usage/usage.h"

namespace shoji::net {

namespace {

std::chrono::year_month year_month_of(WallTime now) {
  std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(now));
  return day.year() / day.month();
}

}  // namespace

std::string month_of(WallTime now) {
  std::chrono::year_month month = year_month_of(now);
  char out[32];
  snprintf(out, sizeof out, "%04d-%02u", static_cast<int>(month.year()),
           static_cast<unsigned>(month.month()));
  return out;
}

WallTime start_of_month(WallTime now) {
  return std::chrono::sys_days(year_month_of(now) / std::chrono::day(1));
}

WallTime end_of_month(WallTime now) {
  return std::chrono::sys_days((year_month_of(now) + std::chrono::months(1)) / std::chrono::day(1));
}

}  // namespace shoji::net
