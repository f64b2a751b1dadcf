#include "images/transfer/save_docker.h"

#include <fcntl.h>

#include <algorithm>
#include <map>
#include <thread>

#include "base/io.h"
#include "base/json.h"
#include "images/tar/tar_writer.h"
#include "images/transfer/jobs.h"
#include "images/transfer/pipe.h"
#include "images/transfer/shared_progress.h"
#include "images/transfer/streams.h"

namespace shoji::images {
namespace {

constexpr size_t kRing = 2 << 20;

struct Member {
  Descriptor blob;
  uint64_t size = 0;  // uncompressed
};
using Members = std::map<Digest, Member>;  // by diffID

TarEntry file_entry(std::string path, uint64_t size) {
  TarEntry entry;
  entry.path = std::move(path);
  entry.mode = 0444;
  entry.size = size;
  return entry;
}

Result<> add_text(TarWriter& tar, std::string path, std::string_view text) {
  TRY(tar.header(file_entry(std::move(path), text.size())));
  return tar.data(text);
}

class NullSink final : public ByteSink {
 public:
  Result<> write(std::span<const char> /*bytes*/) override { return {}; }
  Result<> finish() override { return {}; }
};

// tar wants sizes before contents, so that a layer is inflated twice; the first time tells also whether it is whole.
Result<> measure(const Store& store, const Digest& diff_id, Member& member, const Stop& stop) {
  if (stop) return std::unexpected(stopped_error());
  TRY_ASSIGN(std::string path, find_blob(store, member.blob.digest));
  TRY_ASSIGN(UniqueFd file, open_file(path, O_RDONLY));
  FdSource bytes(file.get(), path);
  InflatingSource tar(bytes);
  NullSink nowhere;
  HashingSink hashing(nowhere, diff_id.algorithm());
  TRY_ASSIGN(member.size, pour(tar, hashing));
  if (Digest real = hashing.digest(); real != diff_id) {
    return fail(Kind::kInvalid, cat("layer ", member.blob.digest.text(), " is of ", real.text(),
                                    " where its configuration says ", diff_id.text()));
  }
  return {};
}

Result<Members> measure_layers(const Store& store, const std::vector<SavedImage>& images) {
  Members members;
  for (const SavedImage& saved : images) {
    for (size_t i = 0; i < saved.image.manifest.layers.size(); i++) {
      members[saved.image.config.diff_ids[i]].blob = saved.image.manifest.layers[i];
    }
  }
  std::vector<Members::iterator> all;
  for (auto member = members.begin(); member != members.end(); ++member) all.push_back(member);
  Stop stop = false;
  TRY(run_jobs(all.size(), std::max(store.config().parallel_layers, 1U), stop,
               [&](size_t i) { return measure(store, all[i]->first, all[i]->second, stop); }));
  return members;
}

Result<> add_layer(const Store& store, TarWriter& tar, const Digest& diff_id, const Member& member) {
  TRY(tar.header(file_entry(diff_id.hex() + ".tar", member.size)));
  TRY_ASSIGN(std::string path, find_blob(store, member.blob.digest));
  TRY_ASSIGN(UniqueFd file, open_file(path, O_RDONLY));
  Pipe pipe = make_pipe(kRing);
  PipeReader reader = std::move(pipe.reader);
  std::jthread inflater([&file, &path, writer = std::move(pipe.writer)]() mutable {
    FdSource bytes(file.get(), path);
    InflatingSource plain(bytes);
    Result<uint64_t> poured = pour(plain, writer);
    if (!poured) writer.fail(std::move(poured).error());
  });
  auto buffer = std::make_unique<char[]>(kPiece);
  for (uint64_t left = member.size;;) {
    Result<size_t> size = reader.read({buffer.get(), kPiece});
    if (size && *size > left)
      size = fail(Kind::kState, cat("layer ", diff_id.text(), " grew while it was saved"));
    Result<> written = size ? tar.data({buffer.get(), *size}) : std::unexpected(size.error());
    if (!written) reader.close(written.error());
    if (!written || *size == 0) return written;
    left -= *size;
  }
}

std::string print_manifests(const std::vector<SavedImage>& images) {
  JsonWriter json;
  json.begin_array();
  for (const SavedImage& saved : images) {
    json.begin_object();
    json.member("Config", saved.image.id().hex() + ".json");
    json.key("RepoTags").begin_array();
    if (!saved.name.registry.empty() && !saved.name.tag.empty())
      json.value(cat(saved.name.name(), ":", saved.name.tag));
    json.end_array();
    json.key("Layers").begin_array();
    for (const Digest& diff_id : saved.image.config.diff_ids) json.value(diff_id.hex() + ".tar");
    json.end_array().end_object();
  }
  json.end_array();
  return json.take();
}

}  // namespace

Result<> save_docker_archive(const Store& store, const std::vector<SavedImage>& images, ByteSink& out,
                             Progress& progress) {
  TRY_ASSIGN(Members members, measure_layers(store, images));
  TarWriter tar(out);
  for (const auto& [diff_id, member] : members) {
    progress.layer(member.blob.digest, TransferStage::kUploading, 0, member.blob.size);
    TRY(add_layer(store, tar, diff_id, member));
    progress.layer(member.blob.digest, TransferStage::kDone, member.blob.size, member.blob.size);
  }
  std::map<Digest, std::string> configs;
  for (const SavedImage& saved : images) {
    TRY_ASSIGN(configs[saved.image.id()], read_blob(store, saved.image.id(), kConfigLimit));
  }
  for (const auto& [id, text] : configs) TRY(add_text(tar, id.hex() + ".json", text));
  TRY(add_text(tar, "manifest.json", print_manifests(images)));
  TRY(tar.finish());
  return out.finish();
}

}  // namespace shoji::images
