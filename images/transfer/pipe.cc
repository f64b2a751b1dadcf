#include "images/transfer/pipe.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>

namespace shoji::images {

// Positions only grow; a position modulo the capacity is a place in `bytes`. The filled part belongs to the reader and
// the rest to the writer, so that copying needs no lock.
struct PipeRing {
  explicit PipeRing(size_t size)
      : bytes(new char[size]), capacity(size), batch(std::max<size_t>(size / 8, 1)) {}

  std::unique_ptr<char[]> bytes;
  const size_t capacity;
  const size_t batch;  // a sleeper is woken for this much, not for each byte
  std::mutex mutex;
  std::condition_variable filled, freed;
  uint64_t written = 0, read = 0;
  bool finished = false;
  std::optional<Error> writer_error, reader_error;

  [[nodiscard]] size_t used() const { return static_cast<size_t>(written - read); }
  [[nodiscard]] size_t room() const { return capacity - used(); }
};

Pipe make_pipe(size_t capacity) {
  auto ring = std::make_shared<PipeRing>(capacity);
  return {.writer = PipeWriter(ring), .reader = PipeReader(ring)};
}

PipeWriter::~PipeWriter() {
  if (ring_) fail({.kind = Kind::kState, .text = "the stream was given up before its end"});
}

Result<> PipeWriter::write(std::span<const char> bytes) {
  while (!bytes.empty()) {
    std::unique_lock lock(ring_->mutex);
    size_t wanted = std::min(bytes.size(), ring_->batch);
    ring_->freed.wait(lock, [&] { return ring_->reader_error || ring_->room() >= wanted; });
    if (ring_->reader_error) return std::unexpected(*ring_->reader_error);
    size_t at = ring_->written % ring_->capacity;
    size_t size = std::min({bytes.size(), ring_->room(), ring_->capacity - at});
    lock.unlock();
    memcpy(ring_->bytes.get() + at, bytes.data(), size);
    lock.lock();
    ring_->written += size;
    bool wake = ring_->used() >= ring_->batch;
    lock.unlock();
    if (wake) ring_->filled.notify_one();
    bytes = bytes.subspan(size);
  }
  return {};
}

Result<> PipeWriter::finish() {
  std::unique_lock lock(ring_->mutex);
  ring_->finished = true;
  lock.unlock();
  ring_->filled.notify_one();
  return {};
}

void PipeWriter::fail(Error error) {
  std::unique_lock lock(ring_->mutex);
  if (ring_->finished || ring_->writer_error) return;
  ring_->writer_error = std::move(error);
  lock.unlock();
  ring_->filled.notify_one();
}

PipeReader::~PipeReader() {
  if (ring_) close({.kind = Kind::kState, .text = "nobody reads the stream any more"});
}

Result<size_t> PipeReader::read(std::span<char> into) {
  if (into.empty()) return size_t{0};
  std::unique_lock lock(ring_->mutex);
  ring_->filled.wait(lock,
                     [&] { return ring_->writer_error || ring_->finished || ring_->used() >= ring_->batch; });
  if (ring_->writer_error) return std::unexpected(*ring_->writer_error);
  size_t at = ring_->read % ring_->capacity;
  size_t size = std::min({into.size(), ring_->used(), ring_->capacity - at});
  lock.unlock();
  if (size == 0) return size;  // the end
  memcpy(into.data(), ring_->bytes.get() + at, size);
  lock.lock();
  ring_->read += size;
  bool wake = ring_->room() >= ring_->batch;
  lock.unlock();
  if (wake) ring_->freed.notify_one();
  return size;
}

void PipeReader::close(Error why) {
  std::unique_lock lock(ring_->mutex);
  if (ring_->reader_error) return;
  ring_->reader_error = std::move(why);
  lock.unlock();
  ring_->freed.notify_one();
}

}  // namespace shoji::images
