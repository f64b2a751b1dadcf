// Configurations, requests, and plugins that behave as they should not.
#include "netsetup/cni/cni.h"

#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "base/io.h"
#include "netsetup/cni/chain.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {

// A directory with configurations and with plugins that are shell scripts.
struct Stage {
  Stage() {
    char name[] = "/tmp/shoji-cni.XXXXXX";
    directory = mkdtemp(name);
    places = {.configurations = directory + "/net.d", .plugins = directory + "/bin", .timeout_ms = 10'000};
    ignore(make_directories(places.configurations, 0755), "the first test says so");
    ignore(make_directories(places.plugins, 0755), "the first test says so");
    signal(SIGPIPE, SIG_IGN);
  }
  ~Stage() { ignore(remove_tree(directory), "the test is over"); }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  void configure(const std::string& file, const std::string& text) const {
    std::string path = places.configurations + "/" + file;
    REQUIRE(make_directories(path.substr(0, path.rfind('/')), 0755));
    REQUIRE(write_file_atomically(path, text));
  }
  // Standard input goes to DIRECTORY/TYPE.COMMAND; what it was called with to DIRECTORY/calls.
  void plugin(const std::string& type, const std::string& body) const {
    std::string path = places.plugins + "/" + type;
    REQUIRE(write_file_atomically(
        path, cat("#!/bin/sh\ncat >", directory, "/", type, ".$CNI_COMMAND\necho ", type,
                  " $CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME >>", directory, "/calls\n", body, "\n")));
    REQUIRE(chmod(path.c_str(), 0755) == 0);
  }
  [[nodiscard]] std::string text(const std::string& file) const {
    return read_file(directory + "/" + file).value_or("");
  }
  [[nodiscard]] NetworkStore store() const { return {directory + "/lib", directory + "/run"}; }
  [[nodiscard]] Result<Attachment> attach(const std::function<void(AttachRequest&)>& change = {}) const {
    TRY_ASSIGN(Network network, cni_network("net", places));
    AttachRequest request;
    request.partition = "web";
    request.network = network.name;
    request.interface = "eth0";
    if (change) change(request);
    return cni_attach(store(), network, request, "/proc/self/ns/net", places);
  }
  // The error's text behind what every attach says first.
  [[nodiscard]] std::string attach_error() const {
    Result<Attachment> made = attach();
    if (made) return "it worked";
    std::string_view said = made.error().text;
    std::string_view start = R"(attach "web" to network "cni:net": )";
    return std::string(said.starts_with(start) ? said.substr(start.size()) : said);
  }

  std::string directory;
  CniPlaces places;
};

std::string list_of(const std::string& plugins) {
  return cat(R"({"cniVersion": "1.0.0", "name": "net", "plugins": [)", plugins, "]}");
}

}  // namespace

TEST_CASE("CNI configurations are found by the name in them") {
  Stage stage;
  CHECK(find_cni_config(stage.places, "net").error().text ==
        cat("there is no CNI network \"net\" in ", quote(stage.places.configurations)));
  stage.configure("05-broken.conflist", "{");
  stage.configure("10-a.conf", R"({"cniVersion": "0.3.1", "name": "net", "type": "single"})");
  stage.configure("20-b.conflist", list_of(R"({"type": "first"}, {"type": "second"})"));
  stage.configure("30-c.json",
                  R"({"cniVersion": "1.1.0", "name": "other", "type": "ptp", "disableCheck": true})");
  stage.configure("net/x.conf", R"({"type": "third"})");
  stage.configure("readme.txt", "{}");
  Result<CniConfig> found = find_cni_config(stage.places, "net");
  REQUIRE(found);
  REQUIRE(found->plugins.size() == 3);  // a list comes first, its sibling directory last
  CHECK(found->plugins[0].type == "first");
  CHECK(found->plugins[2].type == "third");
  Result<CniConfig> other = find_cni_config(stage.places, "other");
  REQUIRE(other);
  CHECK_FALSE(other->check);
  CHECK(list_cni_configs(stage.places) == std::vector<std::string>{"net", "other"});
  Result<CniConfig> missing = find_cni_config(stage.places, "nothing");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == Kind::kNotFound);
  CHECK(missing.error().text.contains(R"(; there is "net", "other"; what cannot be read: )"));
  CHECK(missing.error().text.contains("05-broken.conflist"));
  Result<Network> network = cni_network("other", stage.places);
  REQUIRE(network);
  CHECK(network->name == "cni:other");
  CHECK(network->kind == NetworkKind::kCni);
}

TEST_CASE("CNI configurations that are wrong are refused with the place") {
  auto error = [](const char* text) {
    Result<CniConfig> config = parse_cni_config(text, "f");
    return config ? "it worked" : config.error().text;
  };
  CHECK(error("[]") == "f: the document: expected an object, found an array");
  CHECK(error(R"({"cniVersion": "1.0.0", "name": "../x", "type": "a"})") ==
        R"(f: /name: "../x" is not letters, digits, "_", ".", "-", beginning with a letter or digit)");
  CHECK(error(R"({"name": "n", "type": "a"})") ==
        "f: cniVersion is not given; 0.3.0, 0.3.1, 0.4.0, 1.0.0 and 1.1.0 are supported");
  CHECK(error(R"({"cniVersion": "0.2.0", "cniVersions": ["2.0.0"], "name": "n", "type": "a"})") ==
        "f: cniVersion 0.2.0, 2.0.0; 0.3.0, 0.3.1, 0.4.0, 1.0.0 and 1.1.0 are supported");
  CHECK(error(R"({"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "../../bin/sh"}]})") ==
        R"(f: /plugins/0/type: "../../bin/sh" is no name of a program)");
  CHECK(error(R"({"cniVersion": "1.0.0", "name": "n", "plugins": []})") == "f: there are no plugins in it");
  CHECK(error(R"({"cniVersion": "1.0.0", "name": "n"})") == "f: there are no plugins in it");
  CHECK(
      error(
          R"({"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "a", "capabilities": {"ips": 1}}]})") ==
      "f: /plugins/0/capabilities/ips: expected a boolean, found an integer");
}

TEST_CASE("the highest CNI version of both is taken") {
  auto version = [](const char* versions) {
    return parse_cni_config(cat("{", versions, R"(, "name": "n", "type": "a"})"), "f")->version;
  };
  CHECK(version(R"("cniVersion": "0.3.1")") == "0.3.1");
  CHECK(version(R"("cniVersion": "0.4.0", "cniVersions": ["1.0.0", "1.1.0", "7.0.0"])") == "1.1.0");
  CHECK(version(R"("cniVersions": ["0.3.1", "0.4.0"])") == "0.4.0");
}

TEST_CASE("a CNI request is the plugin's configuration with what the runtime adds") {
  CniConfig config = *parse_cni_config(
      R"({"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "t", "mtu": 9000, "deep": {"a": [1, null]},
          "real": 0.5, "cni.dev/x": 1, "name": "not this", "prevResult": {}, "runtimeConfig": {},
          "capabilities": {"ips": true, "mac": false}, "word": "a\"b", "no": null, "yes": true, "less": -1}]})",
      "f");
  CniCall call{.container = "web", .netns = "/n", .interface = "eth0", .arguments = {}};
  const char* kept =
      R"("type":"t","mtu":9000,"deep":{"a": [1, null]},"real":0.5,"word":"a\"b","no":null,"yes":true,"less":-1)";
  CHECK(cni_request(config, config.plugins[0], call, "") ==
        cat(R"({"cniVersion":"1.0.0","name":"net",)", kept, "}"));
  call.arguments = {{"mac", R"("02:00:00:00:00:01")"}, {"ips", R"(["192.0.2.1"])"}};
  CHECK(cni_request(config, config.plugins[0], call, R"({"a":1})") ==
        cat(R"({"cniVersion":"1.0.0","name":"net",)", kept,
            R"(,"runtimeConfig":{"ips":["192.0.2.1"]},"prevResult":{"a":1}})"));
  CHECK(print_cni_config(*parse_cni_config(print_cni_config(config), "again")) == print_cni_config(config));
}

TEST_CASE("CNI plugins run in order, with the result of the one before, and backwards on the way out") {
  Stage stage;
  stage.configure("net.conflist",
                  list_of(R"({"type": "one", "capabilities": {"portMappings": true, "bandwidth": true}},
                             {"type": "two", "capabilities": {"ips": true}})"));
  stage.plugin("one", R"sh([ $CNI_COMMAND != ADD ] || echo '{"cniVersion": "1.0.0", "step": 1}')sh");
  stage.plugin("two", R"sh([ $CNI_COMMAND != ADD ] || echo '{"interfaces": [{"name": "br0"}, {"name": "v0"},
    {"name": "eth0", "sandbox": "x", "mac": "02:00:00:00:00:05"}], "ips": [
    {"address": "192.0.2.1/24", "interface": 0}, {"address": "192.0.2.5/24", "gateway": "192.0.2.1", "interface": 2},
    {"address": "2001:db8::5/64"}]}')sh");
  Result<Attachment> made = stage.attach([](AttachRequest& request) {
    request.addresses = {*Address::parse("192.0.2.5")};
    request.ports = {*parse_published_port("127.0.0.1:5300-5301:53-54/udp")};
    request.rates.in = 1'000'000;
  });
  REQUIRE(made);
  CHECK(made->host_interface == "v0");
  CHECK(made->mac.text() == "02:00:00:00:00:05");
  REQUIRE(made->addresses.size() == 2);
  CHECK(made->addresses[0].text() == "192.0.2.5/24");
  CHECK(made->addresses[1].text() == "2001:db8::5/64");
  CHECK(made->gateways.size() == 1);
  CHECK(stage.text("one.ADD") ==
        R"({"cniVersion":"1.0.0","name":"net","type":"one","runtimeConfig":{"portMappings":[)"
        R"({"hostPort":5300,"containerPort":53,"protocol":"udp","hostIP":"127.0.0.1"},)"
        R"({"hostPort":5301,"containerPort":54,"protocol":"udp","hostIP":"127.0.0.1"}],)"
        R"("bandwidth":{"ingressRate":8000000,"ingressBurst":1048576}}})");
  CHECK(stage.text("two.ADD").ends_with(
      R"("runtimeConfig":{"ips":["192.0.2.5"]},"prevResult":{"cniVersion": "1.0.0", "step": 1})"
      "\n}"));
  CHECK(cni_check_attachment(stage.store(), "web", "cni:net", stage.places));
  CHECK(cni_detach(stage.store(), "web", "cni:net", stage.places));
  CHECK(cni_detach(stage.store(), "web", "cni:net", stage.places));
  CHECK(stage.text("calls") ==
        "one ADD web eth0\ntwo ADD web eth0\none CHECK web eth0\ntwo CHECK web eth0\ntwo DEL web eth0\none "
        "DEL web eth0\n");
  // The last result, and the same parameters.
  CHECK(stage.text("one.DEL").contains(R"("prevResult":{"interfaces")"));
  CHECK(stage.text("one.DEL").contains(R"("hostPort":5300)"));
  CHECK(stage.text("two.CHECK").contains(R"("prevResult":{"interfaces")"));
}

TEST_CASE("a CNI plugin's error is a sentence") {
  Stage stage;
  stage.configure("net.conflist", list_of(R"({"type": "one"})"));
  const std::string subject = R"(CNI network "net": plugin "one": ADD: )";
  CHECK(stage.attach_error() ==
        cat(R"(CNI network "net": CNI plugin "one" is in none of )", stage.places.plugins));
  stage.plugin("one", R"sh([ $CNI_COMMAND != ADD ] || { echo '{"code": 7, "msg": "Invalid Configuration",
    "details": "too small"}'; echo log line >&2; exit 1; })sh");
  CHECK(stage.attach_error() == subject + R"(Invalid Configuration: too small; it says "log line")");
  CHECK(stage.attach().error().kind == Kind::kInvalid);
  stage.plugin("one",
               R"sh([ $CNI_COMMAND != ADD ] || { echo '{"code": 11, "msg": "busy"}' >&2; exit 1; })sh");
  CHECK(stage.attach_error() == subject + "busy (it may work later)");
  CHECK(stage.attach().error().kind == Kind::kState);
  stage.plugin("one", "[ $CNI_COMMAND != ADD ] || { echo broken pipe dream >&2; exit 3; }");
  CHECK(stage.attach_error() == subject + R"(exit status 3; it says "broken pipe dream")");
  stage.plugin("one", "[ $CNI_COMMAND != ADD ] || kill -9 $$");
  CHECK(stage.attach_error() == subject + "signal 9 (Killed)");
  stage.plugin("one", "echo not JSON");
  CHECK(stage.attach_error().starts_with(R"(CNI network "net": the result of plugin "one": )"));
  stage.plugin("one", R"sh(echo '{"ips": [{"address": "nonsense"}]}')sh");
  CHECK(stage.attach_error().starts_with(R"(result of the plugins: )"));
  stage.places.timeout_ms = 200;
  stage.plugin("one", "[ $CNI_COMMAND != ADD ] || exec sleep 100");
  CHECK(stage.attach_error() == subject + "it took longer than 200 ms");
  // Nothing is left of any of them.
  CHECK(access((stage.directory + "/lib/cni/web").c_str(), F_OK) != 0);
}

TEST_CASE("a CNI detach that fails can be done again") {
  Stage stage;
  stage.configure("net.conflist", list_of(R"({"type": "one"})"));
  stage.plugin("one", "echo '{}'");
  REQUIRE(stage.attach());
  stage.plugin("one", "exit 1");
  Result<> gone = cni_detach(stage.store(), "web", "cni:net", stage.places);
  REQUIRE_FALSE(gone);
  CHECK(gone.error().text ==
        R"(detach "web" from network "cni:net": CNI network "net": plugin "one": DEL: exit status 1)");
  CHECK_FALSE(stage.attach());  // the old one is in the way
  // The configuration may be gone by then: what was used is what is undone.
  REQUIRE(unlink((stage.places.configurations + "/net.conflist").c_str()) == 0);
  stage.plugin("one", "exit 0");
  CHECK(cni_detach(stage.store(), "web", "cni:net", stage.places));
}

TEST_CASE("what no CNI plugin can do is refused before anything runs") {
  Stage stage;
  stage.configure("net.conflist", list_of(R"({"type": "one"})"));
  stage.plugin("one", "echo '{}'");
  auto error = [&](const std::function<void(AttachRequest&)>& change) {
    return stage.attach(change).error().text;
  };
  CHECK(error([](AttachRequest& r) { r.ports = {*parse_published_port("80:80")}; }) ==
        R"(CNI network "net": no plugin of it publishes ports (capability "portMappings"))");
  CHECK(error([](AttachRequest& r) { r.addresses = {*Address::parse("192.0.2.1")}; }) ==
        R"(CNI network "net": no plugin of it takes addresses (capability "ips"))");
  CHECK(error([](AttachRequest& r) { r.mac = *Mac::parse("02:00:00:00:00:01"); }) ==
        R"(CNI network "net": no plugin of it takes a MAC (capability "mac"))");
  CHECK(error([](AttachRequest& r) { r.rates.out = 1; }) ==
        R"(CNI network "net": no plugin of it limits rates (capability "bandwidth"))");
  CHECK(error([](AttachRequest& r) { r.rules = {AccessRule{}}; }) ==
        R"(CNI network "net": access rules are not for networks of CNI, whose plugins filter themselves)");
  CHECK(error([](AttachRequest& r) {
          r.partition = "web+1";
        }).starts_with(R"(partition "web+1" cannot be on)"));
  CHECK(stage.text("calls").empty());
}
