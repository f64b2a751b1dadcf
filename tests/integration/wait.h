#pragma once
// Deadlines that know how slow the machine is.
#include <time.h>

#include <cstdlib>

namespace shoji::test {

// SHOJI_TIME_FACTOR stretches every deadline: an emulated machine is 5 to 30 times slower.
inline double time_factor() {
  const char* text = getenv("SHOJI_TIME_FACTOR");
  double factor = text != nullptr ? atof(text) : 1;
  return factor >= 1 ? factor : 1;
}

inline double now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

inline void nap(double seconds) {
  timespec t{static_cast<time_t>(seconds), static_cast<long>((seconds - static_cast<long>(seconds)) * 1e9)};
  nanosleep(&t, nullptr);
}

// Asks until the answer is yes or the time is over; the last answer is returned.
template <typename Question>
bool eventually(Question question, double seconds = 5) {
  double deadline = now() + seconds * time_factor();
  for (double step = 0.0005;; step = step < 0.02 ? step * 1.5 : step) {
    if (question()) return true;
    if (now() > deadline) return false;
    nap(step);
  }
}

}  // namespace shoji::test
