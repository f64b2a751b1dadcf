// The table of verbs: the order is that of the help.
#include "cli/operator/verbs.h"

namespace shoji::cli::op {

namespace {

constexpr Verb handed_over(Verb verb) {
  verb.run = hand_over;
  return verb;
}
constexpr Verb kLoginVerb = handed_over(kLogin), kLogoutVerb = handed_over(kLogout);

constexpr const Verb* kImageVerbs[] = {
    &image_ls_verb,
    &inspect_verb,
    &history_verb,
    &tag_verb,
};
constexpr Verb kImage = {.name = "image", .summary = "work with images", .verbs = kImageVerbs};

constexpr const Verb* kVerbs[] = {
    &kLoginVerb,   &kLogoutVerb, &images_verb, &inspect_verb,
    &history_verb, &tag_verb,    &kImage,      &completion_verb,
};

}  // namespace

std::span<const Verb* const> operator_verbs() {
  return kVerbs;
}

}  // namespace shoji::cli::op
