// Descriptions, apt sources and the packing of roots; what mmdebstrap makes of them is tested with the programs.
#include "images/template/template.h"

#include <fcntl.h>

#include <algorithm>

#include "base/io.h"
#include "images/store/durable.h"
#include "images/tar/tar_writer.h"
#include "images/template/apt_sources.h"
#include "images/template/bootstrap.h"
#include "images/template/built.h"
#include "images/template/root_layer.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::images;

namespace {

std::string refusal(const std::string& text) {
  auto parsed = parse_template(text, "x.json");
  return parsed ? "" : parsed.error().text;
}

class StringSink final : public ByteSink {
 public:
  Result<> write(std::span<const char> bytes) override {
    text.append(bytes.data(), bytes.size());
    return {};
  }
  Result<> finish() override { return {}; }
  std::string text;
};

struct Member {
  std::string path, content;
  int64_t mtime = 0;
  EntryType type = EntryType::kFile;
  std::string link{};
};

std::string tar_of(const std::vector<Member>& members) {
  StringSink sink;
  TarWriter writer(sink);
  for (const Member& member : members) {
    TarEntry entry;
    entry.path = member.path;
    entry.type = member.type;
    entry.link = member.link;
    entry.mode = 0644;
    entry.mtime = member.mtime;
    entry.size = member.content.size();
    REQUIRE(writer.header(entry));
    REQUIRE(writer.data(member.content));
  }
  REQUIRE(writer.finish());
  return sink.text;
}

RootTree scan(const std::string& tar, const std::vector<std::string>& remove, const BuildTimes& times) {
  MemorySource source(tar);
  auto tree = scan_root(source, UnpackLimits{}, remove, times);
  REQUIRE(tree);
  return std::move(*tree);
}

// "path@mtime" and " -> target" of each member.
std::vector<std::string> layer(const std::string& tar, const RootTree& tree, const RootTree& base,
                               const BuildTimes& times) {
  MemorySource source(tar);
  StringSink out;
  auto written = write_root(source, UnpackLimits{}, tree, base, times, out);
  INFO((written ? "" : written.error().text));
  REQUIRE(written);
  MemorySource made(out.text);
  TarReader reader(made, UnpackLimits{});
  std::vector<std::string> lines;
  TarEntry entry;
  while (reader.next(entry).value_or(false))
    lines.push_back(cat(entry.path, '@', entry.mtime, entry.link.empty() ? "" : " -> ", entry.link));
  return lines;
}

constexpr EntryType kDirectory = EntryType::kDirectory, kHardLink = EntryType::kHardLink;
constexpr BuildTimes kTimes{.started = 5000, .ended = 5010, .epoch = 1000};

constexpr std::string_view kStatus =
    "Package: b\nStatus: install ok installed\nVersion: 2:1-1\nArchitecture: amd64\n\n"
    "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n\n"
    "Package: a\nStatus: install ok installed\nVersion: 0.1\nArchitecture: all\n";

}  // namespace

TEST_CASE("a description of a template") {
  auto t = parse_template(
      R"({"name": "web", "suite": "trixie", "variant": "essential", "mirror": "http://mirror.example/debian",
    "packages": ["nginx-light", "libfoo+bar=1:2.0~rc1"], "exclude": ["/usr/share/doc/*"],
    "files": [{"path": "/a", "content": "x", "mode": "4755", "uid": 1, "gid": 2}, {"path": "/b", "link": "a"},
              {"path": "/c", "source": "web/c"}],
    "run": ["true"], "remove": ["/a/*"], "user": "33:33", "cmd": ["a"], "entrypoint": ["b"], "env": {"A": "b=c"},
    "ports": [80, "53/udp", "8080"], "workdir": "/srv", "volumes": ["/data"], "labels": {"x": "y"},
    "stopSignal": "SIGQUIT", "description": "d"})",
      "dir/other.json");
  REQUIRE(t);
  CHECK(t->name == "web");
  CHECK(t->directory == "dir");
  CHECK(t->suite == "trixie");
  CHECK(t->mirrors == std::vector<std::string>{"http://mirror.example/debian"});
  CHECK(t->packages.size() == 2);
  REQUIRE(t->files.size() == 3);
  CHECK(t->files[0].mode == 04755);
  CHECK(t->files[0].uid == 1);
  CHECK(t->files[1].link == "a");
  CHECK(t->files[2].source == "web/c");
  CHECK(t->config.exposed_ports == std::vector<std::string>{"80/tcp", "53/udp", "8080/tcp"});
  CHECK(t->config.env == std::vector<std::string>{"A=b=c"});
  CHECK(t->config.stop_signal == "SIGQUIT");
  CHECK(parse_template("{}", "some/where/plain.json")->name == "plain");
}

TEST_CASE("what is wrong in a description is said with its pointer") {
  CHECK(refusal(R"({"pakages": []})") == "x.json: /pakages: unknown key");
  CHECK(refusal(R"({"files": [{"path": "/a", "contents": "x"}]})") ==
        "x.json: /files/0/contents: unknown key");
  CHECK(refusal(R"({"files": [{"content": "x"}]})") == R"(x.json: /files/0: "path" is missing)");
  CHECK(refusal(R"({"files": [{"path": "/a", "content": "x", "link": "y"}]})")
            .starts_with("x.json: /files/0: one of"));
  CHECK(refusal(R"({"files": [{"path": "/a"}]})").starts_with("x.json: /files/0: one of"));
  CHECK(refusal(R"({"files": [{"path": "/../a", "content": ""}]})").starts_with("x.json: /files/0/path: "));
  CHECK(refusal(R"({"files": [{"path": "/a", "content": "", "mode": "0999"}]})")
            .starts_with("x.json: /files/0/mode: "));
  CHECK(refusal(R"({"packages": ["nginx", "--option"]})") ==
        R"(x.json: /packages/1: "--option" is not a plain word)");
  CHECK(refusal(R"({"packages": ["a b"]})") == R"(x.json: /packages/0: "a b" is not a plain word)");
  CHECK(refusal(R"({"packages": "nginx"})").starts_with("x.json: /packages: expected an array of strings"));
  CHECK(refusal(R"({"variant": "custom"})").starts_with("x.json: /variant: "));
  CHECK(refusal(R"({"variant": "extract"})") == R"(x.json: /variant: "extract" needs /packages)");
  CHECK(refusal(R"({"ports": [0]})") == R"(x.json: /ports/0: "0" is no port)");
  CHECK(refusal(R"({"ports": ["80/sctp"]})") == R"(x.json: /ports/0: "80/sctp" is no port)");
  CHECK(refusal(R"({"ports": [99999999999]})").find("is no port") != std::string::npos);
  CHECK(refusal(R"({"workdir": "srv"})").starts_with("x.json: /workdir: "));
  CHECK(refusal(R"({"mirror": "-x"})").starts_with("x.json: /mirror: "));
  CHECK(refusal(R"({"env": {"A=B": "c"}})") == R"(x.json: /env: "A=B" is no variable's name)");
  CHECK(refusal(R"([])").starts_with("x.json: "));
}

TEST_CASE("the templates that come with Shoji") {
  const std::string directory = SHOJI_SOURCE_DIR "/examples/templates";
  setenv("SHOJI_TEMPLATES", directory.c_str(), 1);
  std::vector<std::string> names;
  for (const ListedTemplate& listed : list_templates()) {
    auto t = load_template(listed.name);
    INFO(listed.path << (t ? "" : t.error().text));
    REQUIRE(t);
    CHECK(t->description == listed.description);
    CHECK_FALSE(t->config.cmd.empty());
    for (const Template::File& file : t->files)
      if (!file.source.empty()) CHECK(read_file(cat(t->directory, '/', file.source)));
    names.push_back(listed.name);
  }
  unsetenv("SHOJI_TEMPLATES");
  CHECK(names == std::vector<std::string>{"busybox", "debian", "nginx", "php", "python"});
  CHECK(load_template("no-such-template").error().kind == Kind::kNotFound);
  CHECK(load_template(directory + "/nginx.json")->name == "nginx");
}

TEST_CASE("apt sources are narrowed to a suite") {
  const std::vector<SourceFile> sources = {
      {"a.sources",
       "# comment\nTypes: deb deb-src\nURIs: http://one.example/debian\nSuites: bookworm bookworm-updates "
       "bookworm-backports\n"
       "Components: main contrib\nSigned-By:\n -----BEGIN\n .\n key\n\n"
       "Enabled: no\nTypes: deb\nURIs: http://off.example\nSuites: bookworm\nComponents: main\n"},
      {"b.list",
       "deb [arch=amd64 signed-by=/k.gpg] http://sec.example/security bookworm-security main # x\n"
       "deb-src http://one.example/debian bookworm main\ndeb http://other.example bookworm stable\n"}};
  CHECK(narrow_sources(sources, "bookworm", "bookworm") ==
        "Types: deb\nURIs: http://one.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n"
        "Signed-By: \n -----BEGIN\n .\n key\n\n"
        "Types: deb\nURIs: http://sec.example/security\nSuites: bookworm-security\nComponents: "
        "main\nSigned-By: /k.gpg\n\n");
  // Another suite of the same archive.
  auto other = narrow_sources(sources, "trixie", "bookworm");
  REQUIRE(other);
  CHECK(other->find("Suites: trixie trixie-updates\n") != std::string::npos);
  CHECK(other->find("Suites: trixie-security\n") != std::string::npos);
  CHECK(narrow_sources(sources, "trixie", "sid").error().kind == Kind::kNotFound);
}

TEST_CASE("how mmdebstrap is called") {
  Bootstrap b{.suite = "bookworm",
              .variant = "minbase",
              .sources = {"/w/apt.sources"},
              .packages = {},
              .exclude = {"/usr/share/doc/*"},
              .base_tar = {},
              .files_tar = {},
              .run = {},
              .root = "/w/root"};
  CHECK(bootstrap_arguments(b) ==
        std::vector<std::string>{"mmdebstrap", "--quiet", "--mode=root", "--format=directory",
                                 R"(--aptopt=Acquire::Retries "3")", "--dpkgopt=force-unsafe-io",
                                 "--variant=minbase", "--dpkgopt=path-exclude=/usr/share/doc/*", "bookworm",
                                 "/w/root", "/w/apt.sources"});
  b.base_tar = "/w/it's.tar";
  b.run = {"echo 'a'"};
  auto args = bootstrap_arguments(b);
  CHECK(std::ranges::find(args, "--variant=custom") != args.end());
  CHECK(std::ranges::find(args, "--skip=update") != args.end());  // no packages: nothing is asked of apt
  CHECK(std::ranges::any_of(args,
                            [](const std::string& a) { return a.ends_with(R"(-xpf '/w/it'\''s.tar')"); }));
  CHECK(std::ranges::any_of(
      args, [](const std::string& a) { return a.ends_with(R"(/bin/sh -ec 'echo '\''a'\''')"); }));
  b.packages = {"a", "b"};
  args = bootstrap_arguments(b);
  CHECK(std::ranges::find(args, "--include=a,b") != args.end());
  CHECK(std::ranges::find(args, "--skip=update") == args.end());
}

TEST_CASE("what belongs to a machine is left out of a root") {
  for (const char* path :
       {"etc/resolv.conf", "dev/null", "var/cache/apt/pkgcache.bin", "var/lib/dpkg/status-old", "tmp/x/y",
        "etc/ssh/ssh_host_rsa_key", "usr/share/shoji/packages"})
    CHECK(left_out(path, {}));
  for (const char* path :
       {"etc/resolv.conf.d", "dev", "var/cache/apt", "var/lib/dpkg/status", "tmp", "etc/passwd"})
    CHECK_FALSE(left_out(path, {}));
  CHECK(left_out("a/b", {"/a"}));
  CHECK(left_out("a", {"/a"}));
  CHECK_FALSE(left_out("ab", {"/a"}));
  CHECK(left_out("a/b", {"/a/*"}));
  CHECK_FALSE(left_out("a", {"/a/*"}));
}

TEST_CASE("a root is packed with the times of its packages") {
  const std::string tar = tar_of({{"./", "", 5000, kDirectory, ""},
                                  {"./etc/", "", 5003, kDirectory, ""},
                                  {"./etc/passwd", "root", 5003},
                                  {"./etc/resolv.conf", "nameserver", 5003},
                                  {"./usr/bin/perl", "perl", 900},
                                  {"./usr/bin/perl5", "", 900, kHardLink, "./usr/bin/perl"},
                                  {"./var/lib/dpkg/info/a.list", "", 5004},
                                  {"./var/lib/dpkg/info/a.md5sums", "", 1000},
                                  {"./var/lib/dpkg/info/b.md5sums", "", 800},
                                  {"./var/lib/dpkg/status", std::string(kStatus), 5005},
                                  {"./var/log/dpkg.log", "today", 5005},
                                  {"./future", "", 9'000'000'000}});
  const RootTree tree = scan(tar, {}, kTimes);
  CHECK(tree.packages_time == 1000);
  CHECK(tree.packages == std::vector<std::string>{"a 0.1 all", "b 2:1-1 amd64"});
  CHECK(layer(tar, tree, {}, kTimes) ==
        std::vector<std::string>{"etc/@1000", "etc/passwd@1000", "usr/bin/perl@900",
                                 "usr/bin/perl5@900 -> usr/bin/perl", "var/lib/dpkg/info/a.list@1000",
                                 "var/lib/dpkg/info/a.md5sums@1000", "var/lib/dpkg/info/b.md5sums@800",
                                 "var/lib/dpkg/status@1000", "future@1000", "usr/@1000", "usr/share/@1000",
                                 "usr/share/shoji/@1000", "usr/share/shoji/packages@1000"});
  // A clock that is behind the packages: what it dates is from the build all the same.
  const BuildTimes behind{.started = 400, .ended = 410, .epoch = 1000};
  CHECK(behind.of(405) == 1000);
  CHECK(behind.of(399) == 399);
}

TEST_CASE("a root over another is what differs") {
  const std::string below = tar_of({{"same", "1", 10},
                                    {"changed", "1", 10},
                                    {"touched", "1", 10},
                                    {"gone", "1", 10},
                                    {"dir/", "", 10, kDirectory, ""},
                                    {"dir/gone", "1", 10},
                                    {"lost/", "", 10, kDirectory, ""},
                                    {"lost/a", "1", 10},
                                    {"was/", "", 10, kDirectory, ""},
                                    {"was/a", "1", 10},
                                    {"linked", "1", 10},
                                    {"other", "", 10, kHardLink, "linked"}});
  const std::string above = tar_of({{"./same", "1", 10},
                                    {"./changed", "2", 10},
                                    {"./touched", "1", 5001},
                                    {"./dir/", "", 10, kDirectory, ""},
                                    {"./was", "a file", 10},
                                    {"./linked", "1", 10},
                                    {"./other", "", 10, kHardLink, "./linked"},
                                    {"./third", "", 10, kHardLink, "./linked"}});
  const RootTree base = scan(below, {}, {}), tree = scan(above, {}, kTimes);
  CHECK(layer(above, tree, base, kTimes) ==
        std::vector<std::string>{"dir/.wh.gone@1000", ".wh.gone@1000", ".wh.lost@1000", "changed@10",
                                 "touched@1000", "was@10", "linked@10", "other@10 -> linked",
                                 "third@10 -> linked", "usr/@1000", "usr/share/@1000",
                                 "usr/share/shoji/@1000", "usr/share/shoji/packages@1000"});
  // A link whose file is removed has nothing to be a link to.
  MemorySource source(above);
  StringSink out;
  const RootTree torn = scan(above, {"/linked"}, kTimes);
  auto refused = write_root(source, UnpackLimits{}, torn, base, kTimes, out);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text == R"("/other" is a hard link to "/linked", which is removed)");
}

TEST_CASE("every input of a build counts, and bases are shared") {
  Template t = *parse_template(R"({"packages": ["a"], "files": [{"path": "/a", "content": "x"}]})", "t.json");
  const BuildInputs inputs{.suite = "bookworm", .sources = {"s"}, .releases = "r", .files = {"x"}};
  const BuildKeys keys = build_keys(t, inputs);
  CHECK(build_keys(t, inputs).image == keys.image);
  auto differs = [&](const Template& other, const BuildInputs& with, bool base) {
    const BuildKeys now = build_keys(other, with);
    CHECK(now.image != keys.image);
    CHECK((now.base != keys.base) == base);
  };
  Template other = t;
  other.packages = {"b"};
  differs(other, inputs, false);
  other = t;
  other.config.cmd = {"x"};
  differs(other, inputs, false);
  other = t;
  other.files[0].mode = 0755;
  differs(other, inputs, false);
  other = t;
  other.variant = "apt";
  differs(other, inputs, true);
  BuildInputs news = inputs;
  news.releases = "later";
  differs(t, news, true);
  news = inputs;
  news.files = {"y"};
  differs(t, news, false);
}
