#include "images/unpack/unpack.h"

#include <sys/stat.h>

#include "tests/catch.h"
#include "tests/images/composed_root.h"
#include "tests/images/tree_listing.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::tests;

namespace {

void shell(const std::string& directory, const std::string& script) {
  Result<Captured> ran = run_captured({.path = "/bin/bash",
                                       .args = {"bash", "-euc", script},
                                       .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"},
                                       .join = {},
                                       .directory = directory},
                                      "", 60000);
  REQUIRE(ran);
  INFO(ran->out << ran->err);
  REQUIRE(ran->status == 0);
}

Result<Digest> unpack_file(const Store& store, const std::string& path, LayerFormat format) {
  TRY_ASSIGN(UniqueFd fd, open_file(path, O_RDONLY));
  FdSource source(fd.get(), path);
  return unpack_layer(store, Digest(), source, format);
}

template <typename T>
T expect(Result<T> result) {
  INFO((result ? std::string() : result.error().text));
  REQUIRE(result);
  return std::move(*result);
}

// Every file a kind of its own; times below seconds, holes, xattrs, ACLs, capabilities, devices, long names.
constexpr const char* kManyKinds = R"sh(
mkdir -p tree/{bin,etc,dev,empty,acl} tree/deep/$(printf 'd%.0s' {1..200})/$(printf 'e%.0s' {1..200})
cd tree
cp /bin/ls bin/ls; chmod 4755 bin/ls; ln bin/ls bin/dir; ln -s ls bin/l; ln bin/l bin/l2
seq 100000 > etc/large; seq 40 > etc/small; : > etc/none; head -c 512 /dev/zero > etc/512; head -c 513 /dev/zero > etc/513
head -c 300000 /dev/zero | tr '\0' x > etc/300000
truncate -s 50M etc/sparse; printf x | dd of=etc/sparse bs=1 seek=30000000 conv=notrunc status=none
truncate -s 200 etc/hole; truncate -s 20000 etc/hole2
mkfifo -m 622 dev/fifo; mknod -m 666 dev/null c 1 3; mknod -m 660 dev/sda b 259 70000
cp /bin/true bin/ping; setcap cap_net_raw+ep bin/ping
setfattr -n user.note -v text etc/small; setfattr -n trusted.t -v u empty
setfacl -m u:4033:r etc/small; setfacl -d -m g:4044:rwx acl; chmod 1777 acl
chown 12:34 etc etc/small; chown -h 5:6 bin/l
ln -s "$(printf 'target/%.0s' {1..500})" bin/long; printf 'x' > "deep/$(printf 'f%.0s' {1..255})"
touch -d '1970-01-02 03:04:05.000000001 UTC' etc/none; touch -d '2038-01-20 UTC' etc/large
touch -d '1960-01-01 UTC' etc
for i in $(seq 600); do echo $i > empty/number-$i; done
)sh";

}  // namespace

TEST_CASE("a composed root is what GNU tar unpacks", "[native]") {
  ScratchDirectory scratch;
  shell(scratch.path, kManyKinds);
  std::string archive = scratch.path + "/archive.tar";
  shell(scratch.path,
        "tar --format=pax --sparse --xattrs --xattrs-include='*' --acls -C tree -cf archive.tar . && "
        "mkdir extracted && tar --xattrs --xattrs-include='*' --acls -p --same-owner -C extracted -xf "
        "archive.tar");
  Store store = make_store(scratch.path + "/store");
  Digest layer = expect(unpack_file(store, archive, LayerFormat::kComposed));
  CHECK(layer == digest_of(expect(read_file(archive))));
  Image image = image_of({layer});
  CHECK(prepare_image(store, image, LayerFormat::kComposed));
  CHECK(fsck(cat(store.path(), "/composed/", image.id().file_name())) == "");
  UniqueFd root = mount_composed(store, image);
  REQUIRE(root);
  UniqueFd extracted = expect(open_file(scratch.path + "/extracted", O_PATH | O_DIRECTORY));
  std::vector<std::string> ours = list_tree(root.get()), theirs = list_tree(extracted.get());
  CHECK(ours.size() > 600);
  CHECK(difference(ours, theirs) == "");
}
