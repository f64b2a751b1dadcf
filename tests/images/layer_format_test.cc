#include <dirent.h>
#include <sys/utsname.h>

#include "tests/catch.h"
#include "tests/images/composed_root.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::tests;

namespace {

std::string mounts() {
  return read_file("/proc/self/mountinfo").value_or("?");
}

}  // namespace

TEST_CASE("the format of layers is what can be mounted here") {
  ScratchDirectory scratch;
  Store store = make_store(scratch.path + "/store");
  std::string before = mounts();
  Result<LayerFormat> format = layer_format(store);
  REQUIRE(format);
  CHECK(mounts() == before);
  Result<std::string> image = compose_layers(scratch.path, {});
  REQUIRE(image);
  bool composed = UniqueFd(mount_image(*image)).get() >= 0;
  CHECK(*format == (composed ? LayerFormat::kComposed : LayerFormat::kTree));
  CHECK(layer_format(store) == *format);  // now from what was remembered
}

TEST_CASE("where a file cannot be mounted, layers are trees") {
  Result<Store> store = [] {
    ImagesConfig config;
    config.store = cat("/dev/shm/shoji-format-", getpid());  // tmpfs: no folios to read
    return Store::open(config, Store::Access::kWrite);
  }();
  REQUIRE(store);
  Result<LayerFormat> format = layer_format(*store);
  CHECK(remove_tree(store->path()));
  CHECK(format == LayerFormat::kTree);
}
