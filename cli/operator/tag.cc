#include "cli/operator/open_store.h"
#include "cli/operator/verbs.h"

namespace shoji::cli::op {

namespace {

struct TagOptions {
  [[nodiscard]] static Result<> check(const Arguments& arguments) {
    for (const std::string& name : std::span(arguments).subspan(1)) {
      TRY_ASSIGN(images::Reference parsed, images::parse_reference(name));
      if (!parsed.digest.empty())
        return fail(Kind::kInvalid, cat(quote(name), " has a digest: a name that is given is one without"));
    }
    return {};
  }
};

Result<int> tag(const Globals& globals, TagOptions& /*options*/, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kWrite));
  TRY_ASSIGN(images::Lease lease, images::Lease::take(store, "tag"));
  TRY_ASSIGN(images::Image image, images::find_image(store, arguments[0]));
  TRY(lease.hold(image.target.digest));
  for (const std::string& name : std::span(arguments).subspan(1)) {
    TRY_ASSIGN(images::Reference reference, images::parse_reference(name));
    TRY(images::set_name(store, {std::move(reference), image.target, "tag", 0}));
  }
  return kExitOk;
}

}  // namespace

constinit const Verb tag_verb = {
    .name = "tag",
    .arguments = "<image> <name>...",
    .summary = "give an image further names",
    .description = "   A name without a registry becomes localhost/NAME.",
    .min_arguments = 2,
    .names_subject = true,
    .candidates = kImageNames,
    .run = parse_and_run<TagOptions, tag>,
};

}  // namespace shoji::cli::op
