#include "images/unify/unify.h"

#include "base/json.h"
#include "cli/human.h"
#include "cli/operator/open_store.h"
#include "cli/operator/verbs.h"

namespace shoji::cli::op {

namespace {

struct UnifyOptions {
  std::string format = "text";
  [[nodiscard]] Result<> check(const Arguments& /*arguments*/) const {
    if (format == "text" || format == "json") return {};
    return fail(Kind::kInvalid, cat("invalid format ", quote(format), ": text or json"));
  }
};
constexpr Option kOptions[] = {
    option<&UnifyOptions::format>("format", 0, "text or json", "text"),
};

Result<int> unify(const Globals& globals, UnifyOptions& options, Arguments& /*arguments*/) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kWrite));
  TRY_ASSIGN(images::Unified unified, images::unify_store(store));
  if (options.format == "json") {
    JsonWriter json;
    json.begin_object().member("layers", unified.layers).member("files", unified.files);
    json.member("linked", unified.linked).member("bytes", unified.bytes).end_object();
    TRY(print(json.take() + "\n"));
    return kExitOk;
  }
  TRY(print(cat(counted(unified.layers, "layer"), " with ", counted(unified.files, "file"), " looked at; ",
                counted(unified.linked, "file"), " became one with another: ", human_size(unified.bytes),
                " freed\n")));
  return kExitOk;
}

}  // namespace

constinit const Verb unify_verb = {
    .name = "unify",
    .summary = "make equal files of different images one, on disk and in memory",
    .description =
        "   For layers that are unpacked as trees; pull does it by itself. Composed layers share files "
        "anyway.",
    .options = kOptions,
    .max_arguments = 0,
    .run = parse_and_run<UnifyOptions, unify>,
};

}  // namespace shoji::cli::op
