#include "runtime/partition/oci_config.h"

#include <algorithm>

#include "spec/fields.h"
#include "spec/validate.h"
#include "tests/catch.h"

using namespace shoji;

namespace {

const ImageDefaults kNginx{.entrypoint = {"/entry"},
                           .cmd = {"nginx", "-g", "daemon off;"},
                           .env = {"PATH=/usr/sbin", "A=image"},
                           .user = "",
                           .working_dir = "/srv",
                           .stop_signal = "SIGQUIT"};

PartitionGround ground() {
  PartitionGround out;
  out.rootfs = "/var/lib/shoji/root";
  out.cgroups_path = "/shoji/web1";
  out.netns = "/run/shoji/netns/web1";
  out.host_memory = uint64_t{8} << 30;
  out.disk = {{8, 0}};
  return out;
}

Partition web() {
  Partition out;
  out.name = "web1";
  out.image = "nginx";
  return out;
}

Spec made(const Partition& partition, const PartitionGround& where = ground()) {
  Result<std::string> text = oci_config(partition, kNginx, where);
  INFO((text ? "" : text.error().text));
  REQUIRE(text);
  JsonDocument document = JsonDocument::parse(*text, "config.json").value();
  Result<Spec> spec = load_spec(document);
  INFO((spec ? *text : spec.error().text));
  REQUIRE(spec);
  Result<> valid = validate(*spec);
  INFO((valid ? *text : valid.error().text));
  REQUIRE(valid);
  return *spec;
}

bool has(const std::vector<std::string>& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

}  // namespace

TEST_CASE("a partition runs what its image says, or what its document says instead") {
  CHECK(made(web()).process->args == std::vector<std::string>{"/entry", "nginx", "-g", "daemon off;"});
  Partition partition = web();
  partition.command = {"sh"};
  CHECK(made(partition).process->args == std::vector<std::string>{"/entry", "sh"});
  partition.entrypoint = std::vector<std::string>{};
  CHECK(made(partition).process->args == std::vector<std::string>{"sh"});
  partition.command.reset();
  CHECK(oci_config(partition, kNginx, ground()).error().text.starts_with("/command: missing"));
}

TEST_CASE("a partition's environment is the image's with its own over it") {
  Partition partition = web();
  partition.env = {{"A", "mine"}, {"B", "2"}};
  Spec spec = made(partition);
  CHECK(has(spec.process->env, "A=mine"));
  CHECK_FALSE(has(spec.process->env, "A=image"));
  CHECK(has(spec.process->env, "B=2"));
  CHECK(has(spec.process->env, "PATH=/usr/sbin"));
  CHECK(spec.process->cwd == "/srv");
}

TEST_CASE("capabilities are added to and dropped from the default ones") {
  Partition partition = web();
  CHECK(has(made(partition).process->capabilities->effective, "CAP_CHOWN"));
  partition.security.cap_drop = {"ALL"};
  partition.security.cap_add = {"NET_BIND_SERVICE"};
  CHECK(made(partition).process->capabilities->bounding == std::vector<std::string>{"CAP_NET_BIND_SERVICE"});
  partition.security.cap_drop = {"CHOWN"};
  partition.security.cap_add = {"ALL"};
  Spec spec = made(partition);
  CHECK_FALSE(has(spec.process->capabilities->bounding, "CAP_CHOWN"));
  CHECK(has(spec.process->capabilities->bounding, "CAP_SYS_ADMIN"));
}

TEST_CASE("limits in human terms become the runtime specification's") {
  Partition partition = web();
  PartitionLimits& limits = partition.limits;
  limits.memory = Amount{.value = 2500, .of_host = true};
  limits.swap = Amount{.value = 1 << 20, .of_host = false};
  limits.memory_high = Amount{.value = 1 << 30, .of_host = false};
  limits.cpu = 1500;
  limits.cpu_weight = 200;
  limits.pids = 50;
  limits.io_read = 50 << 20;
  limits.oom_group = true;
  Spec spec = made(partition);
  const Resources& resources = spec.linux.resources;
  CHECK(resources.memory->limit == int64_t{2} << 30);
  CHECK(resources.memory->swap == (int64_t{2} << 30) + (1 << 20));
  CHECK(resources.cpu->quota == 150'000);
  CHECK(resources.cpu->period == 100'000U);
  CHECK(resources.cpu->shares == 2048U);
  CHECK(resources.pids_limit == 50);
  CHECK(resources.block_io->throttle_read_bps_device.size() == 1);
  CHECK(std::ranges::count(resources.unified,
                           std::pair<std::string, std::string>("memory.high", "1073741824")) == 1);
  PartitionGround tmpfs = ground();
  tmpfs.disk.reset();
  CHECK(oci_config(partition, kNginx, tmpfs).error().text.starts_with("/limits/ioRead: "));
}

TEST_CASE("a partition has ids, a network and files of its own") {
  Partition partition = web();
  partition.volumes = {
      {.type = VolumeType::kVolume, .source = "data", .target = "/data", .size = {}, .options = {}},
      {.type = VolumeType::kTmpfs, .source = "", .target = "/tmp", .size = 4096, .options = {}}};
  partition.secrets = {{.source = "/etc/key", .target = "key"}};
  PartitionGround where = ground();
  where.ids = {{200'000, 65'536}};
  where.names = "/run/shoji/names/web1";
  where.secrets = "/run/shoji/secrets/web1";
  CHECK(oci_config(partition, kNginx, where).error().text ==
        "/volumes/0/source: there is no volume \"data\"");
  where.volumes = {{"data", "/var/lib/shoji/volumes/data"}};
  Spec spec = made(partition, where);
  CHECK(spec.linux.uid_mappings[0].host_id == 200'000);
  auto mount = [&](std::string_view destination) {
    return *std::ranges::find(spec.mounts, destination, &Mount::destination);
  };
  CHECK(mount("/data").source == "/var/lib/shoji/volumes/data");
  CHECK(mount("/data").uid_mappings.size() == 1);
  CHECK(mount("/etc/hosts").source == "/run/shoji/names/web1/hosts");
  CHECK(mount("/run/secrets/key").source == "/run/shoji/secrets/web1/0");
  CHECK(mount("/sys").type == "sysfs");
  where.netns.clear();
  spec = made(partition, where);
  CHECK(mount("/sys").source == "/sys");
}

TEST_CASE("devices and resource limits are checked when the configuration is made") {
  Partition partition = web();
  partition.security.devices = {"/dev/null:/dev/zilch:rw"};
  Spec spec = made(partition);
  CHECK(spec.linux.devices[0].path == "/dev/zilch");
  CHECK(spec.linux.resources.devices[1].access == "rw");
  partition.security.devices = {"/dev/null", "/etc/passwd"};
  CHECK(oci_config(partition, kNginx, ground()).error().text ==
        "/security/devices/1: \"/etc/passwd\" is no device");
  partition.security.devices.clear();
  partition.security.ulimits = {{"nofile", "1024:2048"}, {"core", "unlimited"}};
  CHECK(made(partition).process->rlimits[0].hard == 2048);
  partition.security.ulimits = {{"nofile", "9:1"}};
  CHECK(
      oci_config(partition, kNginx, ground()).error().text.starts_with("/security/ulimits/nofile: \"9:1\""));
}
