#include <algorithm>

#include "cli/human.h"
#include "cli/operator/open_store.h"
#include "cli/operator/sweep_text.h"
#include "cli/operator/verbs.h"

namespace shoji::cli::op {

namespace {

struct ImageRmOptions {
  bool force = false, no_prune = false, ignore = false;
};
constexpr Option kOptions[] = {
    option<&ImageRmOptions::force>("force", 'f', "remove every name of an image that was given by its id"),
    option<&ImageRmOptions::ignore>("ignore", 'i', "an image that is not there is fine"),
    option<&ImageRmOptions::no_prune>("no-prune", 0, "leave what is on disk to `image prune`"),
};

// The names that go when `text` is removed.
Result<std::vector<images::Reference>> names_to_remove(const images::Store& store, const std::string& text,
                                                       bool force) {
  TRY_ASSIGN(images::Image image, images::find_image(store, text));
  TRY_ASSIGN(std::vector<images::NamedImage> named, images::list_names(store));
  std::vector<images::Reference> all;
  for (const images::NamedImage& name : named)
    if (name.target.digest == image.target.digest) all.push_back(name.name);
  // A name is one of them; an id or a digest is none.
  if (auto reference = images::parse_reference(text))
    for (const images::Reference& found : image.names)
      if (std::ranges::find(all, found) != all.end() && found.name().ends_with(reference->name()))
        return std::vector{found};
  if (all.size() > 1 && !force) {
    std::string list;
    for (const images::Reference& name : all) list += cat(list.empty() ? "" : ", ", name.text());
    return fail(Kind::kState, cat("it has the names ", list, ": -f removes all of them"));
  }
  return all;
}

Result<int> image_rm(const Globals& globals, ImageRmOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kWrite));
  bool failed = false;
  for (const std::string& text : arguments) {
    auto names = names_to_remove(store, text, options.force);
    if (!names && options.ignore && names.error().kind == Kind::kNotFound) continue;
    for (size_t i = 0; names && i < names->size(); ++i) {
      const images::Reference& name = (*names)[i];
      if (Result<> removed = images::remove_name(store, name); !removed) {
        names = std::unexpected(removed.error());
        break;
      }
      TRY(print(cat("Untagged: ", name.text(), "\n")));
    }
    if (names) continue;
    // The others go nevertheless, as with rm(1).
    report(within(cat("image rm ", quote(text)), names.error()));
    failed = true;
  }
  if (!options.no_prune) {
    TRY_ASSIGN(images::Swept swept, images::sweep(store, {}));
    TRY(print(sweep_text(swept, false)));
  }
  return failed ? kExitError : kExitOk;
}

constexpr Verb named(std::string_view name, std::string_view summary) {
  return {
      .name = name,
      .arguments = "<image>...",
      .summary = summary,
      .description =
          "   Layers that other images or roots use stay. A name goes alone; an id takes every name of its "
          "image along,\n"
          "   with -f if they are several.",
      .options = kOptions,
      .min_arguments = 1,
      .candidates = kImageNames,
      .run = parse_and_run<ImageRmOptions, image_rm>,
  };
}

}  // namespace

constinit const Verb image_rm_verb = named("rm", "remove names of images, and what nothing needs any more");
constinit const Verb rmi_verb = named("rmi", "remove images, as `image rm`");

}  // namespace shoji::cli::op
