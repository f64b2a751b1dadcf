#include "images/blobs/hash.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::images;

// FIPS 180-4's examples.
constexpr std::string_view kAbc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST_CASE("digests of known texts") {
  CHECK(digest_of("abc").text() == kAbc);
  CHECK(digest_of("abc", HashAlgorithm::kSha512).text() ==
        "sha512:"
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
        "454d4423643ce80e2a9ac94fa54ca49f");
  Hasher hasher;
  hasher.update(std::string_view("a"));
  hasher.update(std::string_view("bc"));
  CHECK(hasher.finish().text() == kAbc);
  hasher.update(std::string_view("abc"));
  CHECK(hasher.finish().text() == kAbc);  // it starts anew
}

TEST_CASE("a digest is parsed exactly") {
  Result<Digest> digest = Digest::parse(kAbc);
  REQUIRE(digest);
  CHECK(digest->text() == kAbc);
  CHECK(digest->file_name() == "sha256-ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(Digest::parse_file_name(digest->file_name()) == *digest);
  CHECK_FALSE(Digest::parse_file_name(digest->text()));
  CHECK(digest->short_text() == "ba7816bf8f01");
  for (std::string_view bad :
       {"", "sha256", "sha256:", "sha256:BA78", "md5:d41d8cd98f00b204e9800998ecf8427e",
        "sha256:../../../../../../../../../../../../../../../../../etc/passwd123456789012"})
    CHECK(Digest::parse(bad).error().kind == Kind::kInvalid);
}
