#include "images/blobs/blob_writer.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <thread>

#include "tests/images/store_fixture.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::test;

namespace {

std::string content(size_t size) {
  std::string out;
  for (size_t i = 0; i < size; ++i) out += static_cast<char>(i * 31 + i / 256);
  return out;
}
std::span<const char> bytes(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

TEST_CASE("a blob appears when it is committed, not before") {
  TemporaryDirectory directory;
  Store store = open_store(config_at(directory.path()));
  std::string text = content(100'000);
  Digest digest = digest_of(text);
  {
    auto writer = BlobWriter::open(store, digest, text.size());
    REQUIRE(writer);
    CHECK_FALSE(writer->already());
    REQUIRE(writer->write(bytes(text)));
    REQUIRE(writer->verify());
    CHECK_FALSE(find_blob(store, digest));
    REQUIRE(writer->commit());
  }
  CHECK(read_blob(store, digest, text.size()) == text);
  CHECK_FALSE(read_blob(store, digest, text.size() - 1));
  auto again = BlobWriter::open(store, digest, text.size());
  REQUIRE(again);
  CHECK(again->already());
  CHECK(again->commit());
}

TEST_CASE("a download goes on where it stopped") {
  TemporaryDirectory directory;
  Store store = open_store(config_at(directory.path()));
  std::string text = content(1'000'000);
  Digest digest = digest_of(text, HashAlgorithm::kSha512);
  REQUIRE(BlobWriter::open(store, digest, text.size())->write(bytes(text).first(400'000)));
  {
    auto writer = BlobWriter::open(store, digest, text.size());
    REQUIRE(writer);
    REQUIRE(writer->offset() == 400'000);
    std::string seen(4, '\0');
    CHECK(pread(writer->fd(), seen.data(), 4, 0) == 4);
    CHECK(seen == text.substr(0, 4));
    REQUIRE(writer->write(bytes(text).subspan(400'000, 1)));
    REQUIRE(writer->restart());
    CHECK(writer->offset() == 0);
    REQUIRE(writer->write(bytes(text).first(500'000)));
  }
  auto writer = BlobWriter::open(store, digest, text.size());
  REQUIRE(writer);
  REQUIRE(writer->write(bytes(text).subspan(writer->offset())));
  REQUIRE(writer->commit());
  CHECK(read_blob(store, digest, text.size()) == text);
}

TEST_CASE("a blob that is not what it should be is not kept") {
  TemporaryDirectory directory;
  Store store = open_store(config_at(directory.path()));
  std::string text = content(1000);
  Digest digest = digest_of(text);
  auto refused = [&](std::string_view written, uint64_t size) {
    auto writer = BlobWriter::open(store, digest, size);
    REQUIRE(writer);
    CHECK(writer->offset() == 0);
    Result<> result = writer->write(bytes(written));
    if (result) result = writer->commit();
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == Kind::kInvalid);
    CHECK_FALSE(find_blob(store, digest));
  };
  refused(text.substr(0, 999), 1000);
  refused(text.substr(0, 999) + "x", 1000);
  refused(text.substr(0, 999) + "x", 0);
  refused(text + "x", 1000);
  refused("", 1000);
  // What a lying server left is longer than the blob.
  REQUIRE(BlobWriter::open(store, digest, 0)->write(bytes(text + text)));
  auto writer = BlobWriter::open(store, digest, 1000);
  REQUIRE(writer);
  CHECK(writer->offset() == 0);
  REQUIRE(writer->write(bytes(text)));
  CHECK(writer->commit());
}

TEST_CASE("the second writer of a blob waits for the first") {
  TemporaryDirectory directory;
  Store store = open_store(config_at(directory.path()));
  std::string text = content(1000);
  Digest digest = digest_of(text);
  auto first = BlobWriter::open(store, digest, text.size());
  REQUIRE(first);
  std::thread second([&] {
    auto writer = BlobWriter::open(store, digest, text.size());
    if (!writer || !writer->already()) abort();
  });
  usleep(50'000);
  REQUIRE(first->write(bytes(text)));
  REQUIRE(first->commit());
  second.join();
  CHECK(access((directory.path() + "/partial/" + digest.file_name()).c_str(), F_OK) != 0);
}

TEST_CASE("a blob without a digest gets one") {
  TemporaryDirectory directory;
  Store store = open_store(config_at(directory.path()));
  auto put = put_blob(store, "abc", "text/plain");
  REQUIRE(put);
  CHECK(put->digest == digest_of("abc"));
  CHECK(put->size == 3);
  CHECK(put_blob(store, "abc", "text/plain")->digest == put->digest);
  REQUIRE(NewBlob::create(store)->write(bytes("left")));
  CHECK_FALSE(find_blob(store, digest_of("left")));
}
