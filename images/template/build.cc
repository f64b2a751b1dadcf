#include <fcntl.h>
#include <unistd.h>

#include <ctime>

#include "base/io.h"
#include "base/path.h"
#include "images/blobs/hash.h"
#include "images/store/durable.h"
#include "images/store/scratch.h"
#include "images/tar/tar_writer.h"
#include "images/template/apt_sources.h"
#include "images/template/bootstrap.h"
#include "images/template/built.h"
#include "images/template/root_layer.h"
#include "images/transfer/new_layer.h"
#include "images/transfer/streams.h"
#include "images/transfer/tree_archive.h"
#include "images/transfer/unpack_image.h"
#include "images/transfer/utc.h"

namespace shoji::images {

namespace {

constexpr size_t kSourceLimit = 256 << 20;  // of one file beside the description
constexpr int64_t kNever = 4'102'444'800;   // 2100: a file's time that becomes the epoch of the build
constexpr const char* kDefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// One build: what goes in, where it works.
struct Build {
  const Store& store;
  const Template& t;
  Progress& progress;
  Lease lease;
  BuildInputs inputs;
  Scratch work;
};

Result<BuildInputs> gather(const Template& t) {
  BuildInputs inputs{.suite = t.suite, .sources = t.mirrors, .releases = {}, .files = {}};
  auto own = host_suite();
  if (inputs.suite.empty()) {
    TRY_ASSIGN(inputs.suite, own);
  }
  if (inputs.sources.empty()) {
    TRY_ASSIGN(std::vector<SourceFile> sources, host_sources());
    TRY_ASSIGN(std::string text, narrow_sources(sources, inputs.suite, own.value_or("")));
    inputs.sources = {std::move(text)};
    inputs.releases = known_releases(inputs.suite);
  }
  for (const Template::File& file : t.files) {
    if (file.source.empty()) {
      inputs.files.push_back(file.content);
      continue;
    }
    TRY_ASSIGN(std::string content, read_file(join_path(t.directory, file.source), kSourceLimit));
    inputs.files.push_back(std::move(content));
  }
  return inputs;
}

Result<std::string> write_files(const Build& build) {
  if (build.t.files.empty()) return std::string();
  std::string path = build.work.path() + "/files.tar";
  TRY_ASSIGN(UniqueFd fd, open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  FdSink sink(fd.get(), path);
  TarWriter writer(sink);
  for (size_t i = 0; i < build.t.files.size(); ++i) {
    const Template::File& file = build.t.files[i];
    TarEntry entry;
    entry.path = file.path.substr(1);
    entry.link = file.link;
    entry.type = file.link.empty() ? EntryType::kFile : EntryType::kSymlink;
    entry.mode = file.link.empty() ? file.mode : 0777;
    entry.uid = file.uid;
    entry.gid = file.gid;
    entry.mtime = kNever;
    entry.size = file.link.empty() ? build.inputs.files[i].size() : 0;
    TRY(writer.header(entry));
    if (entry.size != 0) TRY(writer.data(build.inputs.files[i]));
  }
  TRY(writer.finish());
  return path;
}

// The layer's tar, uncompressed, for mmdebstrap to go on from.
Result<std::string> inflate(const Build& build, const Descriptor& blob) {
  TRY_ASSIGN(std::string from, find_blob(build.store, blob.digest));
  std::string path = build.work.path() + "/base.tar";
  TRY_ASSIGN(UniqueFd in, open_file(from, O_RDONLY));
  TRY_ASSIGN(UniqueFd out, open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  FdSource source(in.get(), from);
  InflatingSource plain(source);
  FdSink sink(out.get(), path);
  TRY(pour(plain, sink));
  return path;
}

Result<RootTree> scan_file(const Build& build, const std::string& path,
                           const std::vector<std::string>& remove, const BuildTimes& times) {
  TRY_ASSIGN(UniqueFd fd, open_file(path, O_RDONLY));
  FdSource source(fd.get(), path);
  return scan_root(source, build.store.config().limits, remove, times);
}

// The root that mmdebstrap made, as a tar beside where it was.
Result<std::string> archive(const std::string& root) {
  std::string path = root + ".tar";
  TRY_ASSIGN(UniqueFd fd, open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  FdSink sink(fd.get(), path);
  TRY(archive_tree(root, sink));
  TRY(remove_tree(root));
  return path;
}

// The tar of a root as a layer over `base`.
Result<BuiltLayer> pack(Build& build, const std::string& tar, const RootTree& tree, const RootTree& base,
                        const BuildTimes& times) {
  TRY_ASSIGN(UniqueFd fd, open_file(tar, O_RDONLY));
  FdSource source(fd.get(), tar);
  TRY_ASSIGN(NewLayer layer,
             make_layer(build.store, build.lease, kOwnCompression, [&](ByteSink& out) -> Result<> {
               return write_root(source, build.store.config().limits, tree, base, times, out);
             }));
  return BuiltLayer{.blob = layer.blob, .diff_id = layer.diff_id, .epoch = times.epoch};
}

Result<Bootstrap> prepare(const Build& build, const char* root) {
  Bootstrap b{.suite = build.inputs.suite,
              .variant = build.t.variant,
              .sources = build.inputs.sources,
              .packages = {},
              .exclude = build.t.exclude,
              .base_tar = {},
              .files_tar = {},
              .run = {},
              .root = cat(build.work.path(), '/', root)};
  if (build.t.mirrors.empty()) {
    b.sources = {build.work.path() + "/apt.sources"};
    TRY(write_file_atomically(b.sources[0], build.inputs.sources[0]));
  }
  return b;
}

// The layer that all templates of a suite and variant stand on: the packages of the variant.
Result<BuiltLayer> build_base(Build& build) {
  TRY_ASSIGN(Bootstrap b, prepare(build, "base-root"));
  if (build.t.variant == "extract") b.packages = build.t.packages;
  build.progress.say(cat("installing ", b.suite, " (", b.variant, ")"));
  BuildTimes times{.started = time(nullptr), .ended = 0, .epoch = 0};
  TRY(run_bootstrap(b));
  times.ended = time(nullptr);
  TRY_ASSIGN(std::string tar, archive(b.root));
  TRY_ASSIGN(RootTree tree, scan_file(build, tar, {}, times));
  // Where packages are only extracted there is no database, and every file is a package's.
  times.epoch = tree.packages_time != 0 ? tree.packages_time : tree.files_time;
  TRY_ASSIGN(BuiltLayer layer, pack(build, tar, tree, {}, times));
  if (unlink(tar.c_str()) != 0) return fail_errno(errno, cat("remove ", quote(tar)));
  return layer;
}

bool needs_own_layer(const Template& t) {
  return (t.variant != "extract" && !t.packages.empty()) || !t.files.empty() || !t.run.empty() ||
         !t.remove.empty();
}

Result<BuiltLayer> build_top(Build& build, const BuiltLayer& base) {
  TRY_ASSIGN(Bootstrap b, prepare(build, "root"));
  if (build.t.variant != "extract") b.packages = build.t.packages;
  b.run = build.t.run;
  TRY_ASSIGN(b.base_tar, inflate(build, base.blob));
  TRY_ASSIGN(RootTree below, scan_file(build, b.base_tar, {}, {}));
  TRY_ASSIGN(b.files_tar, write_files(build));
  build.progress.say(b.packages.empty()
                         ? cat("building ", build.t.name)
                         : cat("installing ", b.packages.size(), " packages for ", build.t.name));
  BuildTimes times{.started = time(nullptr), .ended = 0, .epoch = 0};
  TRY(run_bootstrap(b));
  times.ended = time(nullptr);
  TRY_ASSIGN(std::string tar, archive(b.root));
  TRY_ASSIGN(RootTree tree, scan_file(build, tar, build.t.remove, times));
  times.epoch = std::max(base.epoch, tree.packages_time);
  // Packages that are only extracted are nothing to be shared: one layer has all.
  if (build.t.variant == "extract") below = {};
  return pack(build, tar, tree, below, times);
}

NewImage describe(const Template& t, const BuildInputs& inputs, const std::vector<BuiltLayer>& layers) {
  ImageConfig config = t.config;
  config.created = utc_text(layers.back().epoch);
  config.platform = host_platform();
  bool has_path = false;
  for (const std::string& variable : config.env) has_path = has_path || variable.starts_with("PATH=");
  if (!has_path) config.env.insert(config.env.begin(), kDefaultPath);
  NewImage image{
      .name = {}, .config_text = {}, .layers = {}, .annotations = {}, .source = "template " + t.name};
  std::string packages;
  for (const std::string& package : t.packages) packages += cat(' ', package);
  for (const BuiltLayer& layer : layers) {
    config.diff_ids.push_back(layer.diff_id);
    image.layers.push_back(layer.blob);
    const bool base = config.diff_ids.size() == 1;
    config.history.push_back(
        {.created = utc_text(layer.epoch),
         .created_by = base ? cat("shoji template build: ", inputs.suite, " (", t.variant, ")")
                            : cat("shoji template build: ", t.name, packages),
         .author = {},
         .comment = {},
         .empty_layer = false});
  }
  image.config_text = print_image_config(config);
  image.annotations["org.opencontainers.image.title"] = t.name;
  if (!t.description.empty()) image.annotations["org.opencontainers.image.description"] = t.description;
  return image;
}

Result<std::vector<BuiltLayer>> build_layers(Build& build, const BuildKeys& keys, bool no_cache) {
  std::vector<BuiltLayer> layers;
  auto base = no_cache ? std::nullopt : find_built_layer(build.store, build.lease, keys.base);
  if (!base) {
    TRY_ASSIGN(base, build_base(build));
    TRY(remember_layer(build.store, keys.base, *base));
  }
  const bool own = needs_own_layer(build.t);
  if (!own || build.t.variant != "extract") layers.push_back(*base);
  if (!own) return layers;
  TRY_ASSIGN(BuiltLayer top, build_top(build, *base));
  layers.push_back(std::move(top));
  return layers;
}

}  // namespace

Result<Image> build_template(const Store& store, const Template& description, const BuildOptions& options,
                             Progress& progress) {
  TRY_ASSIGN(BuildInputs inputs, gather(description));
  TRY_ASSIGN(Lease lease, Lease::take(store, "template " + description.name));
  Reference name = options.name;
  if (name.repository.empty()) {
    TRY_ASSIGN(name, parse_reference("localhost/" + description.name));
  }
  const BuildKeys keys = build_keys(description, inputs);
  if (auto built = options.no_cache ? std::nullopt : find_built_image(store, lease, keys.image)) {
    const NamedImage named{
        .name = name, .target = *built, .source = "template " + description.name, .created = time(nullptr)};
    return name_image(store, lease, named, progress);
  }
  TRY_ASSIGN(Scratch work, Scratch::make_directory(store, "template"));
  Build build{.store = store,
              .t = description,
              .progress = progress,
              .lease = std::move(lease),
              .inputs = std::move(inputs),
              .work = std::move(work)};
  TRY_ASSIGN(std::vector<BuiltLayer> layers, build_layers(build, keys, options.no_cache));
  NewImage image = describe(description, build.inputs, layers);
  image.name = name;
  TRY_ASSIGN(Image stored, store_image(store, build.lease, image, progress));
  TRY(remember_image(store, keys.image, stored.manifest_descriptor));
  return stored;
}

}  // namespace shoji::images
