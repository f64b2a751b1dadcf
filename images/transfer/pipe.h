#pragma once
// A bounded ring of bytes between two threads. One writes and one reads; whoever is ahead sleeps. Errors travel both
// ways: a writer that fails ends the reader, a reader that gives up ends the writer, and so does either's end of life.
#include <memory>
#include <optional>

#include "images/tar/byte_source.h"

namespace shoji::images {

struct PipeRing;

class PipeWriter final : public ByteSink {
 public:
  explicit PipeWriter(std::shared_ptr<PipeRing> ring) : ring_(std::move(ring)) {}
  ~PipeWriter() override;  // without finish() the reader gets an error, never a silent end
  PipeWriter(PipeWriter&&) noexcept = default;
  PipeWriter& operator=(PipeWriter&&) = delete;
  // Waits for room. The reader's error, once it has given up.
  Result<> write(std::span<const char> bytes) override;
  Result<> finish() override;
  // The reader's next read returns `error`; bytes that it has not read yet are lost.
  void fail(Error error);

 private:
  std::shared_ptr<PipeRing> ring_;
};

class PipeReader final : public ByteSource {
 public:
  explicit PipeReader(std::shared_ptr<PipeRing> ring) : ring_(std::move(ring)) {}
  ~PipeReader() override;
  PipeReader(PipeReader&&) noexcept = default;
  PipeReader& operator=(PipeReader&&) = delete;
  Result<size_t> read(std::span<char> into) override;
  // Nothing is read any more: the writer's next write returns `why`.
  void close(Error why);

 private:
  std::shared_ptr<PipeRing> ring_;
};

struct Pipe {
  PipeWriter writer;
  PipeReader reader;
};
Pipe make_pipe(size_t capacity);

}  // namespace shoji::images
