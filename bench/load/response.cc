#include "bench/load/response.h"

#include <algorithm>
#include <charconv>

namespace shoji::load {

namespace {

constexpr size_t kMaxHead = 65536;
constexpr size_t kMaxLine = 4096;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

// Whether a list like `keep-alive, Upgrade` has the word.
bool lists(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    size_t comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (same(item, word)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

bool parse_number(std::string_view text, int base, uint64_t& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

void Response::reset() {
  state_ = State::kHead;
  begun_ = false;
  stays_open_ = true;
  status_ = 0;
  left_ = body_bytes_ = 0;
  head_.clear();
  line_.clear();
}

std::string_view Response::field(std::string_view name) const {
  std::string_view rest = head_;
  while (true) {
    size_t end = rest.find("\r\n");
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 2);
    std::string_view row = rest.substr(0, rest.find("\r\n"));
    size_t colon = row.find(':');
    if (colon == std::string_view::npos || !same(row.substr(0, colon), name)) continue;
    row.remove_prefix(colon + 1);
    while (row.starts_with(' ') || row.starts_with('\t')) row.remove_prefix(1);
    while (row.ends_with(' ') || row.ends_with('\t')) row.remove_suffix(1);
    return row;
  }
}

// RFC 9112, 6.3: which rule says how long the body is.
void Response::begin_body() {
  uint64_t code = 0;
  bool well_formed = head_.starts_with("HTTP/1.") && head_.size() > 12 && head_[8] == ' ' &&
                     parse_number(std::string_view(head_).substr(9, 3), 10, code);
  if (!well_formed) {
    state_ = State::kBad;
    return;
  }
  status_ = static_cast<int>(code);
  if (code / 100 == 1) {  // an interim response: the real one follows
    head_.clear();
    return;
  }
  std::string_view connection = field("connection");
  stays_open_ = head_[7] == '0' ? lists(connection, "keep-alive") : !lists(connection, "close");
  std::string_view coding = field("transfer-encoding");
  std::string_view length = field("content-length");
  if (code == 204 || code == 304) {
    state_ = State::kDone;
  } else if (lists(coding, "chunked")) {
    state_ = State::kChunkSize;
  } else if (!length.empty()) {
    state_ = !parse_number(length, 10, left_) ? State::kBad : left_ == 0 ? State::kDone : State::kLength;
  } else {
    state_ = State::kToClose;
    stays_open_ = false;
  }
}

std::string_view Response::read_head(std::string_view bytes) {
  size_t before = head_.size();
  head_ += bytes;
  size_t end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
  if (end == std::string::npos) {
    if (head_.size() > kMaxHead) state_ = State::kBad;
    return {};
  }
  std::string_view rest = bytes.substr(end + 4 - before);
  head_.resize(end + 2);
  begin_body();
  return rest;
}

void Response::end_of_line() {
  if (state_ == State::kChunkEnd) {
    state_ = line_.empty() ? State::kChunkSize : State::kBad;
  } else if (state_ == State::kTrailer) {
    if (line_.empty()) state_ = State::kDone;
  } else {
    std::string_view size = std::string_view(line_).substr(0, line_.find_first_of("; \t"));
    state_ = !parse_number(size, 16, left_) ? State::kBad : left_ == 0 ? State::kTrailer : State::kChunk;
  }
  line_.clear();
}

std::string_view Response::read_line(std::string_view bytes) {
  size_t end = bytes.find('\n');
  line_ += bytes.substr(0, end);
  if (line_.size() > kMaxLine) state_ = State::kBad;
  if (end == std::string_view::npos || state_ == State::kBad) return {};
  if (line_.ends_with('\r')) line_.pop_back();
  end_of_line();
  return bytes.substr(end + 1);
}

std::string_view Response::read_body(std::string_view bytes) {
  uint64_t taken = state_ == State::kToClose ? bytes.size() : std::min<uint64_t>(left_, bytes.size());
  body_bytes_ += taken;
  if (state_ != State::kToClose) {
    left_ -= taken;
    if (left_ == 0) state_ = state_ == State::kLength ? State::kDone : State::kChunkEnd;
  }
  return bytes.substr(taken);
}

Response::Progress Response::feed(std::string_view bytes) {
  begun_ = begun_ || !bytes.empty();
  while (!bytes.empty() && state_ != State::kBad) {
    switch (state_) {
      case State::kHead:
        bytes = read_head(bytes);
        break;
      case State::kChunkSize:
      case State::kChunkEnd:
      case State::kTrailer:
        bytes = read_line(bytes);
        break;
      case State::kLength:
      case State::kChunk:
      case State::kToClose:
        bytes = read_body(bytes);
        break;
      case State::kDone:
      case State::kBad:
        state_ = State::kBad;
        break;
    }
  }
  if (state_ == State::kBad) return Progress::kMalformed;
  return state_ == State::kDone ? Progress::kDone : Progress::kMore;
}

Response::Progress Response::close() {
  if (state_ == State::kToClose) state_ = State::kDone;
  return state_ == State::kDone ? Progress::kDone : Progress::kMore;
}

}  // namespace shoji::load
