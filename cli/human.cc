#include "cli/human.h"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace shoji::cli {

namespace {

constexpr char kUnits[] = {'K', 'M', 'G', 'T', 'P'};

}  // namespace

std::string human_size(uint64_t bytes) {
  if (bytes < 1024) return cat(bytes, " B");
  size_t unit = 0;
  uint64_t scaled = bytes * 10;  // tenths; PiB at most, so that nothing overflows in practice
  if (bytes > (uint64_t{1} << 60)) return cat(bytes >> 50, " PiB");
  scaled = (scaled + 512) / 1024;
  while (scaled >= 10240 && unit + 1 < std::size(kUnits)) {
    scaled = (scaled + 512) / 1024;
    ++unit;
  }
  std::string number = scaled < 100 ? cat(scaled / 10, ".", scaled % 10) : cat((scaled + 5) / 10);
  return cat(number, " ", kUnits[unit], "iB");
}

std::string human_age(int64_t seconds) {
  struct Unit {
    int64_t seconds;
    std::string_view name;
  };
  constexpr int64_t kDay = 86400;
  constexpr Unit kAges[] = {{365 * kDay, "year"}, {30 * kDay, "month"}, {7 * kDay, "week"},
                            {kDay, "day"},        {3600, "hour"},       {60, "minute"}};
  if (seconds < 0) seconds = 0;
  for (const Unit& unit : kAges) {
    int64_t count = seconds / unit.seconds;
    if (count > 1 || (count == 1 && unit.seconds < 7 * kDay))
      return counted(static_cast<uint64_t>(count), unit.name);
  }
  return counted(static_cast<uint64_t>(seconds), "second");
}

std::string counted(uint64_t count, std::string_view noun) {
  return cat(count, " ", noun, count == 1 ? "" : "s");
}

std::string utc_time(int64_t seconds_since_epoch) {
  using namespace std::chrono;
  sys_seconds time{seconds(seconds_since_epoch)};
  sys_days day = floor<days>(time);
  year_month_day date(day);
  hh_mm_ss clock(time - day);
  char text[64];
  snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
           static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
           static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
           static_cast<int>(clock.seconds().count()));
  return text;
}

namespace {

// The number in `width` digits at the front of `text`, which loses them and `separator` behind them.
Result<int> take_number(std::string_view& text, size_t width, char separator) {
  int number = 0;
  const char* first = text.data();
  auto [end, error] = std::from_chars(first, first + std::min(width, text.size()), number);
  if (error != std::errc() || end != first + width) return fail(Kind::kInvalid, "not a time");
  text.remove_prefix(width);
  if (separator != 0) {
    if (!text.starts_with(separator)) return fail(Kind::kInvalid, "not a time");
    text.remove_prefix(1);
  }
  return number;
}

}  // namespace

Result<int64_t> parse_utc_time(std::string_view rfc3339) {
  using namespace std::chrono;
  std::string_view text = rfc3339;
  TRY_ASSIGN(int year_number, take_number(text, 4, '-'));
  TRY_ASSIGN(int month_number, take_number(text, 2, '-'));
  TRY_ASSIGN(int day_number, take_number(text, 2, 'T'));
  TRY_ASSIGN(int hour, take_number(text, 2, ':'));
  TRY_ASSIGN(int minute, take_number(text, 2, ':'));
  TRY_ASSIGN(int second, take_number(text, 2, 0));
  if (text.starts_with('.'))
    text.remove_prefix(std::min(text.find_first_not_of("0123456789", 1), text.size()));
  int offset = 0;
  if (text.starts_with('+') || text.starts_with('-')) {
    int sign = text[0] == '-' ? -1 : 1;
    text.remove_prefix(1);
    TRY_ASSIGN(int hours_off, take_number(text, 2, ':'));
    TRY_ASSIGN(int minutes_off, take_number(text, 2, 0));
    offset = sign * (hours_off * 3600 + minutes_off * 60);
  } else if (text != "Z") {
    return fail(Kind::kInvalid, "not a time");
  }
  year_month_day date{year(year_number), month(static_cast<unsigned>(month_number)),
                      std::chrono::day(static_cast<unsigned>(day_number))};
  if (!date.ok()) return fail(Kind::kInvalid, "not a time");
  int64_t days_count = sys_days(date).time_since_epoch().count();
  return days_count * 86400 + int64_t{hour} * 3600 + int64_t{minute} * 60 + second - offset;
}

std::string printable(std::string_view text) {
  std::string out;
  for (char letter : text) {
    auto byte = static_cast<unsigned char>(letter);
    if (byte >= 0x20 && byte != 0x7f) {
      out += letter;
    } else if (letter == '\n' || letter == '\t') {
      out += ' ';
    } else {
      char hex[5];
      snprintf(hex, sizeof hex, "\\x%02x", byte);
      out += hex;
    }
  }
  return out;
}

size_t display_width(std::string_view text) {
  size_t width = 0;
  for (char letter : text)
    if ((static_cast<unsigned char>(letter) & 0xC0) != 0x80) ++width;
  return width;
}

}  // namespace shoji::cli
