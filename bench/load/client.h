#pragma once
// An open-loop HTTP client: requests are due at fixed times, whatever became of the ones before, and latency counts from
// when a request was due. So a server that stalls is not spared the requests that a waiting client would not have sent.
#include <sys/socket.h>

#include <csignal>
#include <string>

#include "base/error.h"
#include "bench/load/report.h"

namespace shoji::load {

struct Settings {
  sockaddr_storage address{};
  socklen_t address_size = 0;
  std::string path = "/", host;    // of the request
  std::string headers;             // further lines of it, each with its CRLF
  double new_rate = 0;             // connections per second, with one request each
  uint32_t connections = 0;        // kept ones
  double rate = 0;                 // requests per second on each of them
  uint64_t duration = 0;           // nanoseconds in which requests are due
  uint64_t requests = UINT64_MAX;  // no more than these are made
  uint64_t warmup = 0;             // the latencies of requests due before are not counted
  uint64_t timeout = 0;            // from when a request is due
  uint32_t max_open = 10000;       // connections at once
  uint32_t examples = 10;          // of failures, in words
  int status = 0;                  // the expected one; 0: any of 200 to 299
  std::string tally;               // a header field whose values are counted
};

// Runs until every planned request was answered or failed, which is `duration` + `timeout` at most; when `*stop` becomes
// true, no more are planned.
Result<Report> run_load(const Settings& settings, const volatile std::sig_atomic_t* stop);

}  // namespace shoji::load
