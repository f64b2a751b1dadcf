#include "cli/human.h"
#include "cli/operator/ready_image.h"
#include "cli/operator/root_mounting.h"
#include "cli/operator/verbs.h"
#include "images/roots/root.h"

namespace shoji::cli::op {

namespace {

struct RootCreateOptions : MountingOptions {
  bool read_only = false, volatile_upper = false, userxattr = false, mount = false;
  std::string disk, inodes, labels, pull = "missing";
  [[nodiscard]] Result<> check(const Arguments& /*arguments*/) const {
    TRY(parse_pull_policy(pull));
    TRY(check_mounting());
    if (read_only && volatile_upper)
      return fail(Kind::kInvalid, "--read-only and --volatile exclude each other");
    for (const auto& [name, text] : {std::pair("--disk", &disk), std::pair("--inodes", &inodes)})
      if (auto size = parse_size(text->empty() ? "0" : *text); !size)
        return Failure(within(name, size.error()));
    return {};
  }
};

constexpr auto kOptions = joined(
    std::array{
        option<&RootCreateOptions::read_only>("read-only", 0, "nothing of it can be written"),
        option<&RootCreateOptions::volatile_upper>("volatile", 0,
                                                   "what is written is thrown away when it is unmounted"),
        option<&RootCreateOptions::userxattr>("userxattr", 0,
                                              "overlay marks in user.*, for who is not root outside"),
        option<&RootCreateOptions::disk>("disk", 0, "limit of what is written, as 10G", "no limit"),
        option<&RootCreateOptions::inodes>("inodes", 0, "limit of files written", "no limit"),
        option<&RootCreateOptions::labels>("label", 'l', "free text, kept with it"),
        option<&RootCreateOptions::pull>("pull", 0, "bring the image: missing, always or never", "missing"),
        option<&RootCreateOptions::mount>("mount", 0, "mount it at once, and print where"),
    },
    mounting_options<RootCreateOptions>());

Result<int> root_create(const Globals& globals, RootCreateOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kWrite));
  TRY_ASSIGN(PullPolicy policy, parse_pull_policy(options.pull));
  TRY_ASSIGN(ReadyImage ready, ready_image(globals, store, arguments[0], policy));
  if (!ready.image) return ready.exit_code;
  images::RootOptions how{.read_only = options.read_only,
                          .volatile_upper = options.volatile_upper,
                          .userxattr = options.userxattr,
                          .quota_bytes = parse_size(options.disk).value_or(0),
                          .quota_inodes = parse_size(options.inodes).value_or(0),
                          .labels = options.labels};
  TRY_ASSIGN(images::Root root, images::create_root(store, arguments[1], arguments[0], *ready.image, how));
  if (!options.mount) {
    TRY(print(root.name + "\n"));
    return kExitOk;
  }
  TRY_ASSIGN(std::string target, mount_at(store, root, "", options));
  TRY(print(target + "\n"));
  return kExitOk;
}

}  // namespace

constinit const Verb root_create_verb = {
    .name = "create",
    .arguments = "<image> <name>",
    .summary = "make a writable root of an image",
    .description =
        "   An image that is not there is pulled. Roots of one image share it; what is written to one is its "
        "own.",
    .options = kOptions,
    .min_arguments = 2,
    .max_arguments = 2,
    .names_subject = true,
    .candidates = kImageNames,
    .run = parse_and_run<RootCreateOptions, root_create>,
};

}  // namespace shoji::cli::op
