#include "tests/integration/images/image_maker.h"

#include <openssl/evp.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/integration/bundle.h"

namespace shoji::test {

using nlohmann::json;

Member directory_member(std::string path, unsigned mode) {
  return {.path = std::move(path), .type = '5', .mode = mode};
}
Member program_member(std::string path, std::string content) {
  return {.path = std::move(path), .content = std::move(content), .mode = 0755};
}
Member link_member(std::string path, std::string target) {
  return {.path = std::move(path), .type = '2', .mode = 0777, .link = std::move(target)};
}

namespace {

constexpr size_t kBlock = 512;

void put_octal(char* field, size_t size, uint64_t number) {
  snprintf(field, size, "%0*llo", static_cast<int>(size - 1), static_cast<unsigned long long>(number));
}

void append_padded(std::string& out, std::string_view bytes) {
  out += bytes;
  out.append((kBlock - bytes.size() % kBlock) % kBlock, '\0');
}

std::string header(const Member& member, size_t size) {
  std::string block(kBlock, '\0');
  char* at = block.data();
  memcpy(at, member.path.data(), std::min<size_t>(member.path.size(), 100));
  put_octal(at + 100, 8, member.mode);
  put_octal(at + 108, 8, member.uid);
  put_octal(at + 116, 8, member.gid);
  put_octal(at + 124, 12, size);
  put_octal(at + 136, 12, static_cast<uint64_t>(member.mtime));
  at[156] = member.type;
  memcpy(at + 157, member.link.data(), std::min<size_t>(member.link.size(), 100));
  memcpy(at + 257,
         "ustar\0"
         "00",
         8);
  put_octal(at + 329, 8, member.major);
  put_octal(at + 337, 8, member.minor);
  memset(at + 148, ' ', 8);
  unsigned sum = 0;
  for (char byte : block) sum += static_cast<unsigned char>(byte);
  snprintf(at + 148, 8, "%06o", sum);
  return block;
}

// "LENGTH KEY=VALUE\n", where the length counts itself.
std::string pax_record(const std::string& key, const std::string& value) {
  std::string rest = " " + key + "=" + value + "\n";
  size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return std::to_string(length) + rest;
}

}  // namespace

std::string tar_of(const std::vector<Member>& members) {
  std::string out;
  for (const Member& member : members) {
    auto pax = member.pax;
    if (member.path.size() > 100) pax.emplace_back("path", member.path);
    if (member.link.size() > 100) pax.emplace_back("linkpath", member.link);
    if (!pax.empty()) {
      std::string records;
      for (const auto& [key, value] : pax) records += pax_record(key, value);
      out += header({.path = "pax", .type = 'x'}, records.size());
      append_padded(out, records);
    }
    out += header(member, member.content.size());
    append_padded(out, member.content);
  }
  out.append(2 * kBlock, '\0');
  return out;
}

std::vector<Member> busybox_members() {
  static const std::string busybox = read_text("/bin/busybox");
  if (busybox.empty()) throw std::runtime_error("/bin/busybox cannot be read: run scripts/setup test");
  return {directory_member("bin/"),         program_member("bin/busybox", busybox),
          link_member("bin/sh", "busybox"), directory_member("etc/"),
          directory_member("proc/"),        directory_member("dev/"),
          directory_member("sys/"),         directory_member("tmp/", 01777)};
}

std::string sha256(std::string_view text) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), bytes, &size, EVP_sha256(), nullptr);
  std::string out = "sha256:";
  for (unsigned i = 0; i < size; ++i) {
    char hex[3];
    snprintf(hex, sizeof hex, "%02x", bytes[i]);
    out += hex;
  }
  return out;
}

namespace {

std::string gzipped(std::string_view text) {
  z_stream stream{};
  constexpr int kGzipHeader = 16;
  if (deflateInit2(&stream, 1, Z_DEFLATED, 15 + kGzipHeader, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflateInit2");
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("deflate");
  return out;
}

}  // namespace

std::string packed(std::string_view text, Packing packing) {
  if (packing == Packing::kGzip) return gzipped(text);
  if (packing == Packing::kNone) return std::string(text);
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
  return out;
}

std::string blob_path(const std::string& directory, const std::string& digest) {
  size_t colon = digest.find(':');
  return directory + "/blobs/" + digest.substr(0, colon) + "/" + digest.substr(colon + 1);
}

void write_blob(const std::string& directory, const std::string& digest, std::string_view bytes) {
  std::string path = blob_path(directory, digest);
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  write_text(path, bytes);
}

namespace {

json descriptor(const std::string& media_type, const std::string& digest, size_t size) {
  return {{"mediaType", media_type}, {"digest", digest}, {"size", size}};
}

std::string add_blob(const std::string& directory, std::string_view bytes) {
  std::string digest = sha256(bytes);
  write_blob(directory, digest, bytes);
  return digest;
}

void add_to_index(const std::string& directory, json entry, const std::string& tag) {
  std::string path = directory + "/index.json";
  json index = json::parse(read_text(path), nullptr, false);
  if (index.is_discarded())
    index = {{"schemaVersion", 2},
             {"mediaType", "application/vnd.oci.image.index.v1+json"},
             {"manifests", json::array()}};
  entry["annotations"] = {{"org.opencontainers.image.ref.name", tag}};
  auto& list = index["manifests"];
  for (size_t i = 0; i < list.size(); ++i)
    if (list[i]["annotations"]["org.opencontainers.image.ref.name"] == tag) list.erase(i--);
  list.push_back(entry);
  write_text(path, index.dump());
  write_text(directory + "/oci-layout", R"({"imageLayoutVersion": "1.0.0"})");
}

constexpr const char* kSuffix[] = {"", "+gzip", "+zstd"};

}  // namespace

Made make_image(const std::string& directory, const Recipe& recipe) {
  Made made;
  json layers = json::array();
  for (const std::string& tar : recipe.layers) {
    std::string bytes = packed(tar, recipe.packing);
    made.diff_ids.push_back(sha256(tar));
    made.layers.push_back(add_blob(directory, bytes));
    layers.push_back(descriptor(
        std::string("application/vnd.oci.image.layer.v1.tar") + kSuffix[static_cast<size_t>(recipe.packing)],
        made.layers.back(), bytes.size()));
  }
  json run = json::parse("{" + recipe.config + "}");
  run["Cmd"] = recipe.cmd;
  run["Env"] = recipe.env;
  json history = json::array();
  for (size_t i = 0; i < recipe.layers.size(); ++i)
    history.push_back(
        {{"created", "2024-01-02T03:04:05Z"}, {"created_by", "layer " + std::to_string(i + 1)}});
  json config = {{"created", "2024-01-02T03:04:05Z"},
                 {"architecture", recipe.architecture},
                 {"os", "linux"},
                 {"config", run},
                 {"rootfs", {{"type", "layers"}, {"diff_ids", made.diff_ids}}},
                 {"history", history}};
  std::string config_text = config.dump();
  made.config = add_blob(directory, config_text);
  json manifest = {
      {"schemaVersion", 2},
      {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
      {"config", descriptor("application/vnd.oci.image.config.v1+json", made.config, config_text.size())},
      {"layers", layers}};
  std::string manifest_text = manifest.dump();
  made.manifest = add_blob(directory, manifest_text);
  add_to_index(directory,
               descriptor("application/vnd.oci.image.manifest.v1+json", made.manifest, manifest_text.size()),
               recipe.tag);
  made.layout = directory + ":" + recipe.tag;
  return made;
}

Made make_busybox_image(const std::string& directory, std::string_view text, const std::string& tag) {
  std::vector<Member> members = busybox_members();
  members.push_back({.path = "etc/made-of", .content = std::string(text) + "\n"});
  return make_image(directory, {.layers = {tar_of(members)}, .tag = tag});
}

}  // namespace shoji::test
