#include "images/transfer/changes.h"

#include "tests/catch.h"

using namespace shoji;
using namespace shoji::images;

namespace {
ImageConfig changed(std::initializer_list<std::string_view> changes, ImageConfig config = {}) {
  for (std::string_view change : changes) {
    Result<> applied = apply_change(config, change);
    INFO((applied ? "" : applied.error().text));
    REQUIRE(applied);
  }
  return config;
}
using Words = std::vector<std::string>;
}  // namespace

TEST_CASE("commands have an exec form and a shell form") {
  CHECK(changed({R"(CMD ["/bin/x", "a b"])"}).cmd == Words{"/bin/x", "a b"});
  CHECK(changed({"cmd echo  $HOME"}).cmd == Words{"/bin/sh", "-c", "echo  $HOME"});
  ImageConfig config = changed({"CMD a", R"(ENTRYPOINT ["/e"])"});
  CHECK(config.entrypoint == Words{"/e"});
  CHECK(config.cmd.empty());  // it belonged to another entry point
}

TEST_CASE("environment and labels are assigned by name") {
  ImageConfig config = changed({"ENV A=1 B=\"two words\" C=x\\ y", "ENV A=3", "ENV OLD the old  form"});
  CHECK(config.env == Words{"A=3", "B=two words", "C=x y", "OLD=the old  form"});
  config = changed({"LABEL a=b c='d e'", "LABEL a=z"});
  CHECK(config.labels == Annotations{{"a", "z"}, {"c", "d e"}});
}

TEST_CASE("ports, volumes, user, directory and signal") {
  ImageConfig config =
      changed({"EXPOSE 80 53/udp", "EXPOSE 80/tcp", "VOLUME [\"/a\", \"/b\"]", "VOLUME /a /c", "USER 1000:10",
               "WORKDIR /srv", "WORKDIR www", "STOPSIGNAL SIGQUIT"});
  CHECK(config.exposed_ports == Words{"80/tcp", "53/udp"});
  CHECK(config.volumes == Words{"/a", "/b", "/c"});
  CHECK(config.user == "1000:10");
  CHECK(config.working_dir == "/srv/www");
  CHECK(config.stop_signal == "SIGQUIT");
}

TEST_CASE("a change that is not understood is refused") {
  for (std::string_view bad : {"RUN ls", "", "CMD", "CMD [1]", "CMD [\"a\"", "EXPOSE http", "EXPOSE 80/icmp",
                               "EXPOSE 70000", "ENV A", "ENV =b", "LABEL a=b c", "ENV A=\"b"}) {
    ImageConfig config;
    Result<> applied = apply_change(config, bad);
    INFO(bad);
    REQUIRE(!applied);
    CHECK(applied.error().kind == Kind::kInvalid);
  }
}
