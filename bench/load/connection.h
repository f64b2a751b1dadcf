#pragma once
// What the client knows of one connection, and of when requests are due.
#include <cstdint>

#include "base/fd.h"
#include "bench/load/response.h"

namespace shoji::load {

struct Connection {
  // kParted: answered, and the server is to close first, which spares this host the port's TIME-WAIT.
  enum class State : uint8_t { kClosed, kConnecting, kIdle, kAwaiting, kParted };
  UniqueFd fd;
  State state = State::kClosed;
  bool kept = false;
  bool retried = false;  // the present request
  uint32_t slot = 0;
  uint32_t generation = 0;  // of `fd`: events of an earlier one may still be queued
  uint64_t owed = 0;        // requests that are due and wait for the one before
  uint64_t number = 0;      // of its next request
  uint64_t served = 0;      // by this connection
  uint64_t due = 0;         // of the present request, after the start
  size_t sent = 0;
  Response response;
};
// Times due at a fixed rate.
struct Timetable {
  double interval = 0;  // nanoseconds; 0: nothing is ever due
  uint64_t next = 0;    // number of what is due next
  [[nodiscard]] uint64_t time_of(uint64_t number) const {
    return static_cast<uint64_t>(static_cast<double>(number) * interval);
  }
};

}  // namespace shoji::load
