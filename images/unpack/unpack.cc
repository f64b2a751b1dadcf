#include "images/unpack/unpack.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"
#include "images/blobs/hash.h"
#include "images/store/durable.h"
#include "images/store/scratch.h"

namespace shoji::images {

namespace {

// Hashes what passes through.
class HashingSource final : public ByteSource {
 public:
  HashingSource(ByteSource& source, HashAlgorithm algorithm) : source_(&source), hasher_(algorithm) {}
  Result<size_t> read(std::span<char> into) override {
    TRY_ASSIGN(size_t got, source_->read(into));
    hasher_.update(into.first(got));
    return got;
  }
  Digest finish() { return hasher_.finish(); }

 private:
  ByteSource* source_;
  Hasher hasher_;
};

constexpr const char* member_name(LayerFormat format) {
  return format == LayerFormat::kTree ? "tree" : "index";
}

Result<> fill_sink(LayerSink& sink, ByteSource& tar, const UnpackLimits& limits) {
  TarReader reader(tar, limits);
  TarEntry entry;
  while (true) {
    TRY_ASSIGN(bool more, reader.next(entry));
    if (!more) break;
    TRY(sink.add(entry, reader));
  }
  TRY(reader.drain());
  return sink.finish();
}

// A directory of the same layer in the other format may be there; then only what is new goes into it.
Result<> publish_layer(const Store& store, Scratch& layer, const Digest& diff_id, LayerFormat format) {
  std::string name = cat("layers/", diff_id.file_name());
  Result<> published = layer.publish(name);
  if (!published && published.error().kind == Kind::kExists) {
    std::string from = cat(layer.path(), '/', member_name(format)), to = cat(name, '/', member_name(format));
    // RENAME_NOREPLACE: whoever was first has the same bytes, and a root may use them already.
    if (renameat2(AT_FDCWD, from.c_str(), store.dir(), to.c_str(), RENAME_NOREPLACE) != 0 && errno != EEXIST)
      return fail_errno(errno, cat("rename ", quote(from), " to ", quote(to)));
    TRY(sync_directory(store, name));
  } else {
    TRY(std::move(published));
  }
  return sync_directory(store, "layers");
}

Result<> check_digest(const Digest& wanted, const Digest& got) {
  if (wanted.empty() || wanted == got) return {};
  return fail(Kind::kInvalid,
              cat("layer ", wanted.text(), ": its uncompressed bytes have the digest ", got.text()));
}

// As the caller's stream has to be read to its end, its digest is checked at no cost.
Result<Digest> skip_layer(HashingSource& tar, const Digest& diff_id) {
  std::string buffer(64 << 10, '\0');
  while (true) {
    TRY_ASSIGN(size_t got, tar.read(buffer));
    if (got == 0) break;
  }
  Digest digest = tar.finish();
  TRY(check_digest(diff_id, digest));
  return digest;
}

}  // namespace

Result<Digest> unpack_layer(const Store& store, const Digest& diff_id, ByteSource& tar, LayerFormat format) {
  HashingSource hashed(tar, diff_id.algorithm());
  if (!diff_id.empty() && find_layer(store, diff_id, format)) return skip_layer(hashed, diff_id);
  // An object that is there is used again without being written, and no index names it for us yet: objects are not swept
  // while anybody has a private directory.
  TRY_ASSIGN(Scratch layer, Scratch::make_directory(store, "layer"));
  {
    TRY_ASSIGN(std::unique_ptr<LayerSink> sink, format == LayerFormat::kTree
                                                    ? tree_sink(store, layer.path())
                                                    : object_sink(store, layer.path()));
    TRY(fill_sink(*sink, hashed, store.config().limits));
  }
  Digest digest = hashed.finish();
  TRY(check_digest(diff_id, digest));
  // What an unfinished write of a large file left.
  unlinkat(layer.fd(), "object", 0);
  // One flush for all files, instead of one for each, before the layer can be seen (syncfs(2)).
  if (syncfs(store.dir()) != 0) return fail_errno(errno, cat("write layer ", digest.text(), " to disk"));
  TRY(publish_layer(store, layer, digest, format));
  return digest;
}

}  // namespace shoji::images
