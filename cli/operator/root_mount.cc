// mount and umount of roots.
#include "cli/operator/open_store.h"
#include "cli/operator/root_mounting.h"
#include "cli/operator/verbs.h"

namespace shoji::cli::op {

namespace {

struct RootMountOptions : MountingOptions {
  [[nodiscard]] Result<> check(const Arguments& /*arguments*/) const { return check_mounting(); }
};
constexpr auto kOptions = mounting_options<RootMountOptions>();

Result<int> root_mount(const Globals& globals, RootMountOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kWrite));
  TRY_ASSIGN(images::Root root, images::find_root(store, arguments[0]));
  TRY_ASSIGN(std::string target,
             mount_at(store, root, arguments.size() > 1 ? arguments[1] : std::string(), options));
  TRY(print(target + "\n"));
  return kExitOk;
}

Result<int> root_umount(const Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kWrite));
  for (const std::string& name : arguments) {
    auto root = images::find_root(store, name);
    if (!root) return Failure(within(quote(name), root.error()));
    if (Result<> done = images::unmount_root(store, *root); !done)
      return Failure(within(quote(name), done.error()));
  }
  return kExitOk;
}

}  // namespace

constinit const Verb root_mount_verb = {
    .name = "mount",
    .arguments = "<root> [directory]",
    .summary = "mount a root, and print where",
    .description =
        "   Without a directory: at a place of its own in the store. With --uidmap every file appears "
        "shifted; nothing\n"
        "   is changed on disk.",
    .options = kOptions,
    .min_arguments = 1,
    .max_arguments = 2,
    .names_subject = true,
    .candidates = kRootNames,
    .run = parse_and_run<RootMountOptions, root_mount>,
};

constinit const Verb root_umount_verb = {
    .name = "umount",
    .arguments = "<root>...",
    .summary = "unmount roots",
    .min_arguments = 1,
    .candidates = kRootNames,
    .run = parse_and_run<NoOptions, root_umount>,
};

}  // namespace shoji::cli::op
