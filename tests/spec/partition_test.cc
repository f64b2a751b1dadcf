#include "spec/partition/partition.h"

#include "tests/catch.h"

using namespace shoji;

namespace {

constexpr std::string_view kWhole = R"({
  "//": "a web server",
  "name": "web1", "image": "nginx", "command": ["nginx", "-g", "daemon off;"], "entrypoint": [],
  "env": {"TZ": "UTC"}, "user": "www-data", "workdir": "/srv", "hostname": "web1", "init": false,
  "limits": {"memory": "64M", "memoryHigh": "48M", "memoryMin": "16M", "swap": 0, "oomGroup": true, "cpu": "50%",
             "cpuBurst": 10000, "cpuWeight": 200, "cpus": "0-1", "ioRead": "50M", "pids": 100, "disk": "10G"},
  "networks": [{"network": "farm", "addresses": ["10.7.0.2"], "publish": ["8080:80"], "rateOut": "100mbit"}],
  "volumes": [{"source": "data", "target": "/data"}, {"type": "tmpfs", "target": "/tmp", "size": "16M"},
              {"type": "bind", "source": "/srv/www", "target": "/www", "readOnly": true}],
  "secrets": [{"source": "/etc/key", "target": "key", "mode": "0440"}],
  "security": {"capDrop": ["ALL"], "capAdd": ["NET_BIND_SERVICE"], "userns": "host", "ulimits": {"nofile": "1024"}},
  "restart": {"policy": "on-failure", "retries": 5, "delay": "200ms"},
  "stopSignal": "SIGQUIT", "stopTimeout": 3,
  "health": {"http": "http://:80/healthz", "interval": "5s", "restarts": true},
  "logs": {"driver": "text", "maxSize": "1M", "maxFiles": 2},
  "hooks": [{"when": "post-start", "path": "/bin/true"}],
  "autostart": {"enabled": true, "order": 10, "after": ["db"]},
  "labels": {"farm": "shop"}
})";

std::string fault_of(std::string text) {
  Result<Partition> loaded = parse_partition(std::move(text), "web.json");
  return loaded ? "none" : loaded.error().text;
}

// The same document with one member more: the last one of a name counts.
std::string with(std::string_view member) {
  return cat(R"({"name": "web1", "image": "nginx", )", member, "}");
}

}  // namespace

TEST_CASE("a partition's document is read") {
  Result<Partition> loaded = parse_partition(std::string(kWhole), "web.json");
  INFO(fault_of(std::string(kWhole)));
  REQUIRE(loaded);
  CHECK(loaded->limits.memory->value == 64U << 20);
  CHECK(loaded->limits.swap->value == 0);
  CHECK(loaded->limits.cpu == 500U);
  CHECK(loaded->entrypoint->empty());
  CHECK(loaded->volumes[1].type == VolumeType::kTmpfs);
  CHECK(loaded->volumes[1].size == 16U << 20);
  CHECK(loaded->secrets[0].mode == 0440);
  CHECK(loaded->restart.delay == 200);
  CHECK(loaded->stop_timeout == 3000);
  CHECK(loaded->health->interval == 5000);
  CHECK(loaded->health->timeout == 3000);
  CHECK(loaded->networks[0].rate_out == "100mbit");
}

TEST_CASE("a printed partition is read as the same") {
  Partition loaded = parse_partition(std::string(kWhole), "web.json").value();
  std::string printed = print_partition(loaded);
  CHECK(parse_partition(printed, "again").value() == loaded);
  Partition small;
  small.name = "a";
  small.image = "busybox";
  CHECK(print_partition(small) == "{\n  \"name\": \"a\",\n  \"image\": \"busybox\"\n}\n");
}

TEST_CASE("amounts are sizes or parts of the host") {
  CHECK(parse_amount("25%").value() == Amount{.value = 2500, .of_host = true});
  CHECK(parse_amount("12.25%").value() == Amount{.value = 1225, .of_host = true});
  CHECK(print_amount({.value = 1225, .of_host = true}) == "12.25%");
  CHECK(print_amount({.value = 1205, .of_host = true}) == "12.05%");
  CHECK(print_amount(parse_amount("1G").value()) == "1G");
  CHECK_FALSE(parse_amount("101%"));
  CHECK_FALSE(parse_amount("%"));
}

TEST_CASE("each fault of a document is named by its pointer") {
  const std::pair<std::string_view, std::string_view> kFaults[] = {
      {R"("nam": 1)", "/nam: there is no such property"},
      {R"("image": "")", "/image: missing"},
      {R"("rootfs": "/x")", "/rootfs: an image is given as well"},
      {R"("name": "a/b")", "/name: \"a/b\" is no name"},
      {R"("env": {"A=B": "c"})", "/env: \"A=B\""},
      {R"("command": "nginx")", "/command: expected an array"},
      {R"("stopSignal": "SIGNO")", "/stopSignal: \"SIGNO\""},
      {R"("stopTimeout": "1x")", "/stopTimeout: \"1x\" is not a duration"},
      {R"("limits": {"memory": "64Q"})", "/limits/memory: \"64Q\""},
      {R"("limits": {"memory": "64M", "memoryMin": "65M"})", "/limits/memoryMin: is more than memory"},
      {R"("limits": {"cpu": "x"})", "/limits/cpu: \"x\""},
      {R"("limits": {"cpuWeight": 0})", "/limits/cpuWeight: 0 is not from 1 to 10000"},
      {R"("limits": {"cpuBurst": 5})", "/limits/cpuBurst: needs cpu"},
      {R"("limits": {"cpus": "3-1"})", "/limits/cpus: "},
      {R"("limits": {"disk": "5%"})", "/limits/disk: "},
      {R"("networks": [{"network": "a"}, {"network": "a"}])", "/networks/1/network: \"a\" is there already"},
      {R"("networks": [{"network": "host"}, {"network": "a"}])", "/networks/0/network: \"host\""},
      {R"("networks": [{"network": "none", "publish": ["80:80"]}])", "/networks/0/publish: "},
      {R"("networks": [{}])", "/networks/0/network: missing"},
      {R"("volumes": [{"source": "x", "target": "data"}])", "/volumes/0/target: \"data\""},
      {R"("volumes": [{"type": "nfs", "target": "/x"}])",
       "/volumes/0/type: \"nfs\" is none of volume, bind and tmpfs"},
      {R"("volumes": [{"type": "tmpfs", "source": "x", "target": "/x"}])", "/volumes/0/source: "},
      {R"("volumes": [{"source": "x", "target": "/x", "size": 5}])", "/volumes/0/size: "},
      {R"("volumes": [{"source": "x", "target": "/x"}, {"source": "y", "target": "/x"}])",
       "/volumes/1/target: \"/x\" is /volumes/0's"},
      {R"("secrets": [{"source": "/k", "target": "a/b"}])", "/secrets/0/target: "},
      {R"("secrets": [{"source": "/k", "target": "k", "mode": "999"}])", "/secrets/0/mode: \"999\""},
      {R"("security": {"capAdd": ["NOPE"]})", "/security/capAdd/0: \"NOPE\" is no capability"},
      {R"("security": {"userns": "yes"})", "/security/userns: "},
      {R"("security": {"ulimits": {"nofiles": "1"}})", "/security/ulimits: \"nofiles\""},
      {R"("restart": {"policy": "often"})", "/restart/policy: \"often\" is none of no, on-failure"},
      {R"("restart": {"delay": "2m"})", "/restart/longest: is shorter than delay"},
      {R"("health": {})", "/health: exactly one of exec, http and tcp"},
      {R"("health": {"tcp": "80", "http": "http://:80/"})", "/health: exactly one"},
      {R"("health": {"http": "ftp://x"})", "/health/http: "},
      {R"("health": {"tcp": "80", "retries": 0})", "/health/retries: "},
      {R"("logs": {"driver": "paper"})", "/logs/driver: \"paper\" is none of"},
      {R"("hooks": [{"when": "never", "path": "/x"}])", "/hooks/0/when: \"never\""},
      {R"("autostart": {"after": ["../x"]})", "/autostart/after/0: "},
  };
  for (const auto& [member, expected] : kFaults) {
    INFO(member);
    std::string fault = fault_of(with(member));
    INFO(fault);
    CHECK(fault.find(expected) != std::string::npos);
    CHECK(fault.starts_with("\"web.json\""));
  }
}
