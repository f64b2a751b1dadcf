// The table of verbs: the order is that of the help.
#include "cli/operator/verbs.h"

namespace shoji::cli::op {

namespace {

constexpr const Verb* kVerbs[] = {
    &completion_verb,
};

}  // namespace

std::span<const Verb* const> operator_verbs() {
  return kVerbs;
}

}  // namespace shoji::cli::op
