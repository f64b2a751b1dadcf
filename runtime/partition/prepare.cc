#include "runtime/partition/prepare.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"
#include "base/json.h"
#include "runtime/users.h"

namespace shoji {

namespace {

constexpr size_t kLargestSecret = 1 << 20;  // bytes
constexpr uint32_t kIdsOfPartition = 65'536;

std::string run_path(const PartitionWorld& world, const PartitionDefinition& definition,
                     std::string_view file) {
  return cat(world.partitions.run_directory(definition.document.name), '/', file);
}

bool on_host_network(const Partition& partition) {
  return partition.networks.size() == 1 && partition.networks[0].network == "host";
}

void list(JsonWriter& out, std::string_view key, const std::vector<std::string>& words) {
  if (words.empty()) return;
  out.key(key).begin_array();
  for (const std::string& word : words) out.value(word);
  out.end_array();
}

void text(JsonWriter& out, std::string_view key, const std::string& word) {
  if (!word.empty()) out.member(key, word);
}

// The root of an image, with the partition's ids, or the directory that the document names.
Result<std::string> mount_root(const PartitionWorld& world, const PartitionDefinition& definition) {
  if (!definition.document.rootfs.empty()) return definition.document.rootfs;
  const std::string& name = definition.document.name;
  TRY_ASSIGN(images::Root root, images::find_root(*world.images, name));
  std::string place = run_path(world, definition, "root");
  if (root.mounted_at == place) return place;
  TRY(make_directories(place, 0755));
  images::MountOptions options;
  if (definition.first_id != 0) {
    options.uids = {{.inside = 0, .outside = definition.first_id, .count = kIdsOfPartition}};
    options.gids = options.uids;
  }
  TRY(images::mount_root(*world.images, root, place, options));
  return place;
}

Result<ImageDefaults> image_defaults(const PartitionWorld& world, const PartitionDefinition& definition) {
  if (definition.document.image.empty()) return ImageDefaults{};
  TRY_ASSIGN(images::Image image, images::find_image(*world.images, definition.image));
  return ImageDefaults{.entrypoint = image.config.entrypoint,
                       .cmd = image.config.cmd,
                       .env = image.config.env,
                       .user = image.config.user,
                       .working_dir = image.config.working_dir,
                       .stop_signal = image.config.stop_signal};
}

// The secrets' files, in memory: RUN is a tmpfs.
Result<std::string> write_secrets(const PartitionWorld& world, const PartitionDefinition& definition) {
  const std::vector<PartitionSecret>& secrets = definition.document.secrets;
  if (secrets.empty()) return std::string();
  std::string directory = run_path(world, definition, "secrets");
  TRY(make_directories(directory, 0711));
  for (size_t i = 0; i < secrets.size(); ++i) {
    TRY_ASSIGN(std::string content, read_file(secrets[i].source, kLargestSecret));
    std::string path = cat(directory, '/', i);
    TRY(write_file_atomically(path, content, secrets[i].mode));
    if (chown(path.c_str(), definition.first_id, definition.first_id) != 0)
      return fail_errno(errno, cat("give secret ", quote(path), " to the partition"));
  }
  return directory;
}

// The block device that the store is on; partitions of disks are limited through their disk.
std::optional<std::pair<uint32_t, uint32_t>> disk_of(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0 || major(info.st_dev) == 0) return std::nullopt;
  std::string device = cat("/sys/dev/block/", major(info.st_dev), ':', minor(info.st_dev));
  if (access((device + "/partition").c_str(), F_OK) == 0) {
    if (auto whole = read_file(device + "/../dev", 64)) {
      size_t colon = whole->find(':');
      if (colon != std::string::npos)
        return std::pair{static_cast<uint32_t>(strtoul(whole->c_str(), nullptr, 10)),
                         static_cast<uint32_t>(strtoul(whole->c_str() + colon + 1, nullptr, 10))};
    }
  }
  return std::pair{uint32_t{major(info.st_dev)}, uint32_t{minor(info.st_dev)}};
}

Result<PartitionGround> stand_on(const PartitionWorld& world, const PartitionDefinition& definition,
                                 const ImageDefaults& image) {
  const Partition& partition = definition.document;
  PartitionGround out;
  TRY_ASSIGN(out.rootfs, mount_root(world, definition));
  TRY_ASSIGN(UniqueFd root, open_file(out.rootfs, O_PATH | O_DIRECTORY));
  TRY_ASSIGN(FoundUser user, find_user(root.get(), partition.user.empty() ? image.user : partition.user));
  out.uid = user.uid;
  out.gid = user.gid;
  out.groups = user.groups;
  if (definition.first_id != 0) out.ids = {{definition.first_id, kIdsOfPartition}};
  out.cgroups_path = cat("/shoji/", partition.name);
  out.netns = netns_of(world, partition);
  std::string names = cat(world.run, "/names/", partition.name);
  if (access((names + "/hosts").c_str(), F_OK) == 0) out.names = names;
  TRY_ASSIGN(out.secrets, write_secrets(world, definition));
  for (const PartitionVolume& volume : partition.volumes) {
    std::string directory = cat(world.root, "/volumes/", volume.source, "/data");
    if (volume.type == VolumeType::kVolume && access(directory.c_str(), F_OK) == 0)
      out.volumes.emplace_back(volume.source, directory);
  }
  struct sysinfo memory{};
  if (sysinfo(&memory) == 0) out.host_memory = uint64_t{memory.totalram} * memory.mem_unit;
  out.cpus = static_cast<uint32_t>(sysconf(_SC_NPROCESSORS_ONLN));
  out.disk = disk_of(world.images != nullptr ? world.images->path() : world.root);
  return out;
}

}  // namespace

std::string netns_of(const PartitionWorld& world, const Partition& partition) {
  return on_host_network(partition) ? "" : cat(world.run, "/netns/", partition.name);
}

std::string networks_to_attach(const Partition& partition) {
  JsonWriter out;
  out.begin_object().key("attach").begin_array().begin_object();
  out.member("partition", partition.name).member("makeNetns", true).key("networks").begin_array();
  std::vector<PartitionNetwork> networks = partition.networks;
  if (networks.empty()) networks.emplace_back().network = "none";
  for (const PartitionNetwork& network : networks) {
    out.begin_object().member("network", network.network);
    text(out, "interface", network.interface);
    list(out, "addresses", network.addresses);
    text(out, "mac", network.mac);
    list(out, "publish", network.publish);
    list(out, "allow", network.allow);
    list(out, "deny", network.deny);
    text(out, "rateIn", network.rate_in);
    text(out, "rateOut", network.rate_out);
    out.end_object();
  }
  out.end_array().end_object().end_array().end_object();
  return out.take();
}

std::string networks_to_release(const std::string& partition) {
  JsonWriter out;
  out.begin_object().key("release").begin_array().value(partition).end_array().end_object();
  return out.take();
}

Result<> prepare_run(const PartitionWorld& world, const PartitionDefinition& definition) {
  TRY(make_directories(run_path(world, definition, "bundle"), 0700));
  if (!on_host_network(definition.document))
    TRY(world.apply_networks(networks_to_attach(definition.document)));
  TRY_ASSIGN(ImageDefaults image, image_defaults(world, definition));
  TRY_ASSIGN(PartitionGround ground, stand_on(world, definition, image));
  TRY_ASSIGN(std::string config, oci_config(definition.document, image, ground));
  return write_file_atomically(run_path(world, definition, "bundle/config.json"), config);
}

namespace {

Result<> take_root_off(const PartitionWorld& world, const std::string& name) {
  auto root = images::find_root(*world.images, name);
  if (!root) return root.error().kind == Kind::kNotFound ? Result<>() : Failure(root.error());
  Result<> off = images::unmount_root(*world.images, *root);
  return !off && off.error().kind == Kind::kState ? Result<>() : off;
}

}  // namespace

Result<> clean_run(const PartitionWorld& world, const PartitionDefinition& definition) {
  Result<> networks;
  if (!on_host_network(definition.document))
    networks = world.apply_networks(networks_to_release(definition.document.name));
  if (definition.document.rootfs.empty()) TRY(take_root_off(world, definition.document.name));
  TRY(remove_tree(run_path(world, definition, "secrets")));
  TRY(remove_tree(run_path(world, definition, "bundle")));
  return networks;
}

}  // namespace shoji
