#include "images/transfer/layer_transfer.h"

#include <fcntl.h>

#include <thread>

#include "base/io.h"
#include "images/transfer/pipe.h"
#include "images/transfer/shared_progress.h"
#include "images/transfer/streams.h"
#include "images/unpack/unpack.h"

namespace shoji::images {
namespace {

// Between download and inflating, and between inflating and unpacking. Together with what the stages hold by themselves
// they are the memory of a transfer, whatever the image's size.
constexpr size_t kCompressedRing = 1 << 20, kTarRing = 2 << 20;

std::string layer_name(const LayerTransfer& transfer) {
  return cat("layer ", transfer.blob.digest.text());
}

// Lets a stage end early when another layer did not succeed.
class StoppableSource final : public ByteSource {
 public:
  StoppableSource(ByteSource& from, const Stop& stop) : from_(&from), stop_(&stop) {}
  Result<size_t> read(std::span<char> into) override {
    if (*stop_) return std::unexpected(stopped_error());
    return from_->read(into);
  }

 private:
  ByteSource* from_;
  const Stop* stop_;
};

// Inflates in a thread of its own and unpacks in this one.
Result<> unpack_stream(const LayerTransfer& transfer, ByteSource& compressed) {
  Pipe pipe = make_pipe(kTarRing);
  PipeReader reader = std::move(pipe.reader);
  std::jthread inflater([&transfer, &compressed, writer = std::move(pipe.writer)]() mutable {
    StoppableSource source(compressed, *transfer.stop);
    InflatingSource plain(source, transfer.store->config().limits.ratio);
    Result<uint64_t> poured = pour(plain, writer);
    if (!poured) writer.fail(std::move(poured).error());
  });
  Result<Digest> unpacked = unpack_layer(*transfer.store, transfer.diff_id, reader, *transfer.unpack_as);
  if (!unpacked) {
    reader.close(unpacked.error());
    return std::unexpected(unpacked.error());
  }
  // Somebody else may have been faster: then the stream was not read to its end.
  reader.close({.kind = Kind::kExists, .text = "the layer is unpacked already"});
  return {};
}

// Writes a blob as it comes, and feeds the unpacking beside it.
class Download {
 public:
  Download(const LayerTransfer& transfer, BlobWriter& writer, PipeWriter* feed)
      : transfer_(&transfer),
        writer_(&writer),
        feed_(feed),
        meter_(*transfer.progress, transfer.blob.digest, TransferStage::kDownloading, transfer.blob.size) {}

  Result<> run(Repository& repository) {
    Result<> done = bytes(repository);
    if (!done && feed_ != nullptr) feed_->fail(done.error());
    if (!done) return done;
    if (feed_ != nullptr) TRY(feed_->finish());
    return writer_->commit();
  }
  // The server began anew and what was unpacked may be of other bytes.
  [[nodiscard]] bool restarted() const { return restarted_; }
  // Unpacking said that the bytes are no layer, before their digest was known.
  [[nodiscard]] bool refused() const { return refused_; }

 private:
  // Everything until the digest is known to be right: only then may what is fed see its end.
  Result<> bytes(Repository& repository) {
    meter_.start();
    uint64_t offset = writer_->offset();
    TRY(feed_prefix(offset));
    meter_.add(offset);
    if (offset < transfer_->blob.size) {
      TRY(repository.blob(
          transfer_->blob, offset, [this](std::span<const char> piece) { return receive(piece); },
          [this] { return restart(); }));
    }
    return writer_->verify();
  }

  Result<> feed_prefix(uint64_t size) {
    if (feed_ == nullptr || size == 0) return {};
    FilePrefix prefix(writer_->fd(), size, transfer_->blob.digest.text());
    auto buffer = std::make_unique<char[]>(kPiece);
    for (;;) {
      TRY_ASSIGN(size_t got, prefix.read({buffer.get(), kPiece}));
      if (got == 0) return {};
      TRY(feed({buffer.get(), got}));
    }
  }

  Result<> receive(std::span<const char> piece) {
    if (*transfer_->stop) return std::unexpected(stopped_error());
    if (received_ < skip_) {  // fed before the server began anew
      size_t known = std::min<uint64_t>(piece.size(), skip_ - received_);
      TRY(writer_->write(piece.first(known)));
      received_ += known;
      meter_.add(known);
      piece = piece.subspan(known);
    }
    TRY(feed(piece));
    TRY(writer_->write(piece));
    meter_.add(piece.size());
    return {};
  }

  Result<> restart() {
    restarted_ = true;
    received_ = 0;
    skip_ = fed_;
    meter_.restart();
    return writer_->restart();
  }

  Result<> feed(std::span<const char> piece) {
    if (feed_ == nullptr || piece.empty()) return {};
    Result<> fed = feed_->write(piece);
    if (!fed && fed.error().kind == Kind::kExists) {  // unpacked by somebody else: the blob is still wanted
      feed_ = nullptr;
      return {};
    }
    fed_ += piece.size();
    refused_ = !fed && fed.error().kind == Kind::kInvalid;
    return fed;
  }

  const LayerTransfer* transfer_;
  BlobWriter* writer_;
  PipeWriter* feed_;
  LayerMeter meter_;
  bool restarted_ = false, refused_ = false;
  uint64_t fed_ = 0, received_ = 0, skip_ = 0;
};

struct Outcome {
  Result<> downloaded, unpacked;
  bool again = false;  // the bytes that were fed may not be those that were found right
};

Outcome download(const LayerTransfer& transfer, Repository& repository, BlobWriter& writer, bool unpack) {
  Outcome outcome;
  uint64_t resumed = writer.offset();
  if (!unpack) {
    Download only(transfer, writer, nullptr);
    outcome.downloaded = only.run(repository);
  } else {
    Pipe pipe = make_pipe(kCompressedRing);
    PipeReader reader = std::move(pipe.reader);
    Download both(transfer, writer, &pipe.writer);
    std::jthread downloader([&] { outcome.downloaded = both.run(repository); });
    outcome.unpacked = unpack_stream(transfer, reader);
    reader.close(outcome.unpacked ? Error{.kind = Kind::kExists, .text = "the layer is unpacked already"}
                                  : outcome.unpacked.error());
    downloader.join();
    outcome.again = both.restarted() && !outcome.unpacked;
    // The next try goes on behind what is there, and would never get to see that its beginning is wrong.
    if (both.refused()) ignore(writer.restart(), "a wrong beginning is found by its digest in the end");
  }
  // What an earlier download left was not what it should have been; it is gone now.
  if (!outcome.downloaded && resumed > 0 && outcome.downloaded.error().kind == Kind::kInvalid)
    outcome.again = true;
  return outcome;
}

}  // namespace

Result<> unpack_blob(const LayerTransfer& transfer) {
  if (find_layer(*transfer.store, transfer.diff_id, *transfer.unpack_as)) return {};
  transfer.progress->layer(transfer.blob.digest, TransferStage::kUnpacking, 0, transfer.blob.size);
  TRY_ASSIGN(std::string path, find_blob(*transfer.store, transfer.blob.digest));
  TRY_ASSIGN(UniqueFd file, open_file(path, O_RDONLY));
  FdSource compressed(file.get(), path);
  if (Result<> unpacked = unpack_stream(transfer, compressed); !unpacked) {
    return std::unexpected(within(layer_name(transfer), std::move(unpacked).error()));
  }
  transfer.progress->layer(transfer.blob.digest, TransferStage::kDone, transfer.blob.size,
                           transfer.blob.size);
  return {};
}

Result<> fetch_layer(const LayerTransfer& transfer, Repository& repository) {
  const Descriptor& blob = transfer.blob;
  for (bool retry = true;; retry = false) {
    bool unpack = transfer.unpack_as && !find_layer(*transfer.store, transfer.diff_id, *transfer.unpack_as);
    bool present = find_blob(*transfer.store, blob.digest).has_value();
    if (present && !unpack) {
      transfer.progress->layer(blob.digest, TransferStage::kAlreadyThere, blob.size, blob.size);
      return {};
    }
    if (present) return unpack_blob(transfer);
    TRY_ASSIGN(BlobWriter writer, BlobWriter::open(*transfer.store, blob.digest, blob.size));
    if (writer.already()) continue;  // another process brought it while we waited
    Outcome outcome = download(transfer, repository, writer, unpack);
    if (outcome.again && retry) continue;
    const Result<>& first = outcome.downloaded ? outcome.unpacked : outcome.downloaded;
    if (!first) return std::unexpected(within(layer_name(transfer), first.error()));
    transfer.progress->layer(blob.digest, TransferStage::kDone, blob.size, blob.size);
    return {};
  }
}

}  // namespace shoji::images
