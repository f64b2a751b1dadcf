// mount and umount of images: their files, read-only, without a root.
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <ranges>

#include "base/io.h"
#include "cli/operator/open_store.h"
#include "cli/operator/ready_image.h"
#include "cli/operator/root_mounting.h"
#include "cli/operator/verbs.h"
#include "cli/table.h"
#include "images/roots/in_use.h"
#include "images/roots/mount_api.h"

namespace shoji::cli::op {

namespace {

// The device that the kernel shows for a mounted image.
constexpr std::string_view kSource = "shoji-image:";
constexpr std::string_view kPlace = "/run/shoji/images";

Field id_of(const images::OverlayMount& row) {
  return {row.source.substr(kSource.size())};
}
Field mounted_of(const images::OverlayMount& row) {
  return {row.point};
}
constexpr Column kColumns[] = {
    column<id_of>("id", "of the image"),
    column<mounted_of>("mounted", "where"),
};

struct ImageMountOptions : MountingOptions, ListOptions {
  std::string pull = "never";
  [[nodiscard]] Result<> check(const Arguments& /*arguments*/) const {
    TRY(parse_pull_policy(pull));
    TRY(check_list(kColumns));
    return check_mounting();
  }
};
constexpr auto kOptions = list_options<ImageMountOptions>(
    joined(std::array{option<&ImageMountOptions::pull>("pull", 0, "bring the image: missing, always or never",
                                                       "never")},
           mounting_options<ImageMountOptions>()));

Result<std::vector<images::OverlayMount>> mounted_images() {
  TRY_ASSIGN(std::vector<images::OverlayMount> mounts, images::overlay_mounts());
  std::erase_if(mounts, [](const images::OverlayMount& mount) { return !mount.source.starts_with(kSource); });
  return mounts;
}

Result<int> image_mount(const Globals& globals, ImageMountOptions& options, Arguments& arguments) {
  if (arguments.empty()) {
    TRY_ASSIGN(std::vector<images::OverlayMount> mounts, mounted_images());
    TRY(print(listing(kColumns, options, mounts)));
    return kExitOk;
  }
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kWrite));
  TRY_ASSIGN(PullPolicy policy, parse_pull_policy(options.pull));
  TRY_ASSIGN(ReadyImage ready, ready_image(globals, store, arguments[0], policy));
  if (!ready.image) return ready.exit_code;
  std::string target = arguments.size() > 1 ? arguments[1] : cat(kPlace, "/", ready.image->id().short_text());
  if (arguments.size() == 1) TRY(make_directories(target, 0755));
  TRY_ASSIGN(UniqueFd mount, images::open_image(store, *ready.image, ready.format, mount_options(options)));
  TRY(images::attach_mount(mount.get(), target));
  TRY(print(target + "\n"));
  return kExitOk;
}

// What `text` means: a directory that an image is mounted on, or an image and every such place of it.
Result<std::vector<std::string>> places_of(const Globals& globals, const std::string& text) {
  TRY_ASSIGN(std::vector<images::OverlayMount> mounts, mounted_images());
  std::vector<std::string> places;
  for (const images::OverlayMount& mount : mounts)
    if (mount.point == text) places.push_back(mount.point);
  if (!places.empty() || text.starts_with('/')) return places;
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kRead));
  TRY_ASSIGN(images::Image image, images::find_image(store, text));
  std::string source = cat(kSource, image.id().short_text());
  for (const images::OverlayMount& mount : mounts)
    if (mount.source == source) places.push_back(mount.point);
  return places;
}

Result<int> image_umount(const Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  for (const std::string& text : arguments) {
    TRY_ASSIGN(std::vector<std::string> places, places_of(globals, text));
    if (places.empty()) return fail(Kind::kState, cat(quote(text), ": no image is mounted there"));
    // The last one that was mounted covers the others.
    for (const std::string& place : std::views::reverse(places)) {
      if (umount2(place.c_str(), UMOUNT_NOFOLLOW) != 0)
        return fail_errno(errno, cat("unmount ", quote(place)));
      if (!place.starts_with(kPlace)) continue;
      rmdir(place.c_str());  // they stay while something else is in them
      rmdir(std::string(kPlace).c_str());
    }
  }
  return kExitOk;
}

}  // namespace

constinit const Verb image_mount_verb = {
    .name = "mount",
    .arguments = "[image] [directory]",
    .summary = "mount an image read-only and print where, or list what is mounted",
    .description = "   Without a directory: below /run/shoji/images. Fields of the list: id, mounted.",
    .options = kOptions,
    .max_arguments = 2,
    .names_subject = true,
    .candidates = kImageNames,
    .run = parse_and_run<ImageMountOptions, image_mount>,
};

constinit const Verb image_umount_verb = {
    .name = "umount",
    .arguments = "<image|directory>...",
    .summary = "unmount images",
    .min_arguments = 1,
    .candidates = kImageNames,
    .run = parse_and_run<NoOptions, image_umount>,
};

}  // namespace shoji::cli::op
