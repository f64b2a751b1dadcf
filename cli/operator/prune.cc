#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "cli/human.h"
#include "cli/operator/open_store.h"
#include "cli/operator/sweep_text.h"
#include "cli/operator/verbs.h"
#include "images/roots/root.h"

namespace shoji::cli::op {

std::string sweep_text(const images::Swept& swept, bool dry_run) {
  if (swept.blobs + swept.layers + swept.objects + swept.temporary == 0) return "";
  std::string text(dry_run ? "Would free " : "Freed ");
  text +=
      cat(human_size(swept.bytes), ": ", counted(swept.blobs, "blob"), ", ", counted(swept.layers, "layer"));
  if (swept.objects != 0) text += cat(", ", counted(swept.objects, "file"), " that layers shared");
  if (swept.temporary != 0) text += cat(", ", counted(swept.temporary, "leftover"), " of interrupted verbs");
  return text + "\n";
}

namespace {

struct PruneOptions {
  bool all = false, force = false, dry_run = false;
  std::string format = "text";
  [[nodiscard]] Result<> check(const Arguments& /*arguments*/) const {
    if (format == "text" || format == "json") return {};
    return fail(Kind::kInvalid, cat("invalid format ", quote(format), ": text or json"));
  }
};
constexpr Option kOptions[] = {
    option<&PruneOptions::all>("all", 'a', "also images with a name that no root uses"),
    option<&PruneOptions::force>("force", 'f', "do not ask"),
    option<&PruneOptions::dry_run>("dry-run", 0, "only say what would be removed"),
    option<&PruneOptions::format>("format", 0, "text or json", "text"),
};

// Somebody at a terminal is asked once; nobody else is.
Result<bool> agreed(const PruneOptions& options) {
  if (options.force || options.dry_run || !options.all) return true;
  if (isatty(STDIN_FILENO) == 0)
    return fail(Kind::kInvalid, "nobody can be asked whether all unused images may go: say --force");
  TRY(write_all(STDERR_FILENO, "This removes every image that no root uses. Go on? [y/N] ",
                "standard error"));
  char answer = 0;
  return read(STDIN_FILENO, &answer, 1) == 1 && (answer == 'y' || answer == 'Y');
}

std::string as_json(const images::Swept& swept) {
  JsonWriter json;
  json.begin_object().key("names").begin_array();
  for (const std::string& name : swept.names) json.value(name);
  json.end_array();
  json.member("blobs", swept.blobs).member("layers", swept.layers).member("objects", swept.objects);
  json.member("temporary", swept.temporary).member("bytes", swept.bytes);
  return json.end_object().take() + "\n";
}

Result<int> prune(const Globals& globals, PruneOptions& options, Arguments& /*arguments*/) {
  TRY_ASSIGN(bool go, agreed(options));
  if (!go) return kExitError;
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kWrite));
  if (!options.dry_run) TRY(images::clean_roots(store));
  TRY_ASSIGN(images::Swept swept, images::sweep(store, {.all = options.all, .dry_run = options.dry_run}));
  if (options.format == "json") {
    TRY(print(as_json(swept)));
    return kExitOk;
  }
  std::string text;
  for (const std::string& name : swept.names) text += cat(name, "\n");
  std::string sentence = sweep_text(swept, options.dry_run);
  TRY(print(text + (sentence.empty() ? "Nothing to remove\n" : sentence)));
  return kExitOk;
}

}  // namespace

constinit const Verb prune_verb = {
    .name = "prune",
    .summary = "remove what no image, root or running verb needs",
    .description =
        "   Without -a: layers and manifests that no name leads to any more, and leftovers of interrupted "
        "verbs.",
    .options = kOptions,
    .max_arguments = 0,
    .run = parse_and_run<PruneOptions, prune>,
};

}  // namespace shoji::cli::op
