#pragma once
// One HTTP/1.1 response (RFC 9112), read in whatever pieces it arrives: where it ends, and what it says.
#include <cstdint>
#include <string>
#include <string_view>

namespace shoji::load {

class Response {
 public:
  enum class Progress : uint8_t { kMore, kDone, kMalformed };

  // Bytes after the end are malformed: nobody asked for more than one response.
  Progress feed(std::string_view bytes);
  // The connection was closed: done when that is what ends the body.
  Progress close();
  void reset();

  [[nodiscard]] bool begun() const { return begun_; }
  [[nodiscard]] bool has_head() const { return state_ != State::kHead; }
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] bool stays_open() const { return stays_open_; }
  [[nodiscard]] uint64_t body_bytes() const { return body_bytes_; }
  [[nodiscard]] uint64_t missing() const { return state_ == State::kLength ? left_ : 0; }
  // The value of a header field, "" when there is none.
  [[nodiscard]] std::string_view field(std::string_view name) const;

 private:
  enum class State : uint8_t {
    kHead,
    kLength,
    kChunkSize,
    kChunk,
    kChunkEnd,
    kTrailer,
    kToClose,
    kDone,
    kBad
  };

  std::string_view read_head(std::string_view bytes);
  std::string_view read_line(std::string_view bytes);
  std::string_view read_body(std::string_view bytes);
  void begin_body();
  void end_of_line();

  State state_ = State::kHead;
  bool begun_ = false;
  bool stays_open_ = true;
  int status_ = 0;
  uint64_t left_ = 0;  // of the body or the chunk
  uint64_t body_bytes_ = 0;
  std::string head_;
  std::string line_;  // a chunk's size or a trailer field
};

}  // namespace shoji::load
