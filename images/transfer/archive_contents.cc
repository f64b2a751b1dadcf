#include "images/transfer/archive_contents.h"

#include <limits>

#include "base/path.h"
#include "images/transfer/streams.h"
#include "images/unpack/layer_sink.h"

namespace shoji::images {
namespace {

constexpr size_t kTextsLimit = 24 << 20;  // of all JSON members
constexpr int kLinkDepth = 8;

class MemberSource final : public ByteSource {
 public:
  explicit MemberSource(TarReader& archive) : archive_(&archive) {}
  Result<size_t> read(std::span<char> into) override { return archive_->read(into); }

 private:
  TarReader* archive_;
};

bool is_json(std::string_view head) {
  size_t first = head.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (head[first] == '{' || head[first] == '[');
}

bool is_tar(std::string_view head) {
  return head.size() >= 262 && head.substr(257, 5) == "ustar";
}

// "sha256:HEX" of "blobs/sha256/HEX", else empty.
Digest digest_of_path(std::string_view path) {
  constexpr std::string_view kBlobs = "blobs/";
  size_t slash = path.rfind('/');
  if (!path.starts_with(kBlobs) || slash < kBlobs.size()) return {};
  std::string text = cat(path.substr(kBlobs.size(), slash - kBlobs.size()), ":", path.substr(slash + 1));
  return Digest::parse(text).value_or(Digest());
}

std::string link_target(const std::string& path, const TarEntry& entry) {
  std::string from = "/";
  if (entry.type == EntryType::kSymlink)
    from += path.substr(0, path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  return clean_path(join_path(from, entry.link)).substr(1);
}

class ArchiveImporter {
 public:
  ArchiveImporter(const Store& store, Lease& lease, TarReader& archive)
      : store_(&store), lease_(&lease), archive_(&archive) {}

  Result<ArchiveContents> run() {
    TarEntry entry;
    for (;;) {
      TRY_ASSIGN(bool more, archive_->next(entry));
      if (!more) break;
      TRY_ASSIGN(std::string path, member_path(entry.path, store_->config().limits));
      if (entry.type == EntryType::kSymlink || entry.type == EntryType::kHardLink) {
        contents_.links[path] = link_target(path, entry);
      } else if (entry.type == EntryType::kFile) {
        if (Result<> added = file(path, entry); !added) {
          return std::unexpected(within(cat("member ", quote(path)), std::move(added).error()));
        }
      }
    }
    TRY(archive_->drain());
    return std::move(contents_);
  }

 private:
  Result<> file(const std::string& path, const TarEntry& entry) {
    if (entry.sparse) return fail(Kind::kUnsupported, "it is sparse");
    if (Digest digest = digest_of_path(path); !digest.empty()) return blob(digest, entry.size);
    TRY_ASSIGN(std::span<const char> piece, archive_->peek());
    std::string_view head(piece.data(), piece.size());
    Compression kind = sniff_compression(piece);
    if (kind != Compression::kNone) return compressed_layer(path, kind);
    if (path.ends_with(".tar") || is_tar(head)) return plain_layer(path);
    if (is_json(head) || path.ends_with(".json")) return text(path, entry);
    return {};  // docker's VERSION files and others that nobody needs
  }

  Result<> blob(const Digest& digest, uint64_t size) {
    TRY(lease_->hold(digest));
    if (find_blob(*store_, digest)) return {};
    TRY_ASSIGN(BlobWriter writer, BlobWriter::open(*store_, digest, size));
    if (writer.already()) return {};
    if (writer.offset() > 0) TRY(writer.restart());
    for (;;) {
      TRY_ASSIGN(std::span<const char> piece, archive_->peek());
      if (piece.empty()) break;
      TRY(writer.write(piece));
      archive_->consume(piece.size());
    }
    return writer.commit();
  }

  Result<> text(const std::string& path, const TarEntry& entry) {
    texts_size_ += entry.size;
    if (entry.size > kConfigLimit || texts_size_ > kTextsLimit) {
      return fail(Kind::kInvalid, cat("the archive's descriptions have more than ", kTextsLimit, " bytes"));
    }
    std::string content(entry.size, '\0');
    for (size_t at = 0; at < content.size();) {
      TRY_ASSIGN(size_t size, archive_->read(std::span(content).subspan(at)));
      if (size == 0) return fail(Kind::kInvalid, "it ends too early");
      at += size;
    }
    contents_.texts[path] = std::move(content);
    return {};
  }

  Result<> compressed_layer(const std::string& path, Compression kind) {
    MemberSource bytes(*archive_);
    StoredLayer layer;
    TRY_ASSIGN(layer.blob, keep_layer(*store_, *lease_, bytes, kind));
    contents_.layers[path] = std::move(layer);
    return {};
  }

  Result<> plain_layer(const std::string& path) {
    MemberSource tar(*archive_);
    TRY_ASSIGN(NewLayer made, make_layer(*store_, *lease_, kOwnCompression, [&](ByteSink& sink) -> Result<> {
                 TRY(pour(tar, sink));
                 return {};
               }));
    contents_.layers[path] = {.blob = std::move(made.blob), .diff_id = std::move(made.diff_id)};
    return {};
  }

  const Store* store_;
  Lease* lease_;
  TarReader* archive_;
  ArchiveContents contents_;
  uint64_t texts_size_ = 0;
};

}  // namespace

std::string ArchiveContents::resolve(std::string path) const {
  for (int i = 0; i < kLinkDepth; i++) {
    auto link = links.find(path);
    if (link == links.end()) break;
    path = link->second;
  }
  return path;
}

Result<ArchiveContents> read_archive(const Store& store, Lease& lease, ByteSource& archive) {
  UnpackLimits limits = store.config().limits;  // they are meant for one layer, and hold when it is unpacked
  limits.bytes = limits.file_bytes = std::numeric_limits<uint64_t>::max() / 2;
  TarReader reader(archive, limits);
  return ArchiveImporter(store, lease, reader).run();
}

}  // namespace shoji::images
