#include "images/unpack/layer_sink.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::images;

TEST_CASE("members' paths are taken from the root") {
  const UnpackLimits limits;
  CHECK(member_path("usr/bin/x", limits) == "usr/bin/x");
  CHECK(member_path("./usr//bin/./x/", limits) == "usr/bin/x");
  CHECK(member_path("/etc/passwd", limits) == "etc/passwd");
  CHECK(member_path("a/../b", limits) == "b");
  CHECK(member_path("a/b/../../c/", limits) == "c");
  for (std::string_view root : {"", ".", "./", "/", "a/..", "//."}) CHECK(member_path(root, limits) == "");
  CHECK(member_path("...", limits) == "...");
}

TEST_CASE("members' paths that lead out of the root or are too long are refused") {
  const UnpackLimits limits;
  for (std::string_view bad : {"..", "../x", "/..", "a/../..", "a/../../etc/passwd", "./../x"}) {
    auto result = member_path(bad, limits);
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == Kind::kInvalid);
    CHECK(result.error().text == cat("member ", quote(bad), ": its name leads out of the root"));
  }
  CHECK_FALSE(member_path(std::string_view("a\0b", 3), limits));
  CHECK(member_path(std::string(255, 'n'), limits));
  CHECK_FALSE(member_path(std::string(256, 'n'), limits));
  std::string deep;
  for (int i = 0; i < 256; ++i) deep += "d/";
  CHECK(member_path(deep, limits));
  CHECK_FALSE(member_path(deep + "d", limits));
  std::string path;
  while (path.size() < 4096) path += std::string(127, 'p') + '/';
  CHECK(path.size() == 4096);
  CHECK(member_path(path, limits));  // 4095 without the slash
  CHECK_FALSE(member_path(path + "x", limits));
  // However long the name, the message is not.
  CHECK(member_path(std::string(100'000, 'n'), limits).error().text.size() < 500);
}

TEST_CASE("whiteouts by their names") {
  CHECK(whiteout_kind("x") == Whiteout::kNone);
  CHECK(whiteout_kind("a.wh.b") == Whiteout::kNone);
  CHECK(whiteout_kind(".wh") == Whiteout::kNone);
  CHECK(whiteout_kind(".wh.x/y") == Whiteout::kNone);
  CHECK(whiteout_kind(".wh.x") == Whiteout::kFile);
  CHECK(whiteout_kind("usr/lib/.wh.x") == Whiteout::kFile);
  CHECK(whiteout_kind(".wh..hidden") == Whiteout::kFile);
  CHECK(whiteout_kind("var/.wh..wh..opq") == Whiteout::kOpaque);
  for (std::string_view reserved :
       {".wh..wh.aufs", ".wh..wh.plnk", ".wh..wh.", ".wh.", ".wh..", ".wh...", "a/.wh."})
    CHECK(whiteout_kind(reserved) == Whiteout::kReserved);
}

TEST_CASE("xattrs that would give orders to overlayfs or belong to the host are not a layer's") {
  for (std::string_view kept : {"security.capability", "user.x", "system.posix_acl_access", "trusted.x"})
    CHECK(is_layer_xattr(kept));
  for (std::string_view dropped : {"trusted.overlay.redirect", "trusted.overlay.opaque",
                                   "user.overlay.metacopy", "security.selinux", "security.ima"})
    CHECK_FALSE(is_layer_xattr(dropped));
}
