#include "cli/human.h"
#include "cli/operator/open_store.h"
#include "cli/operator/verbs.h"
#include "images/quota/quota.h"
#include "images/roots/root.h"

namespace shoji::cli::op {

namespace {

struct RootQuotaOptions {
  std::string disk, inodes;
  [[nodiscard]] Result<> check(const Arguments& /*arguments*/) const {
    for (const auto& [name, text] : {std::pair("--disk", &disk), std::pair("--inodes", &inodes)})
      if (auto size = parse_size(text->empty() ? "0" : *text); !size)
        return Failure(within(name, size.error()));
    return {};
  }
};
constexpr Option kOptions[] = {
    option<&RootQuotaOptions::disk>("disk", 0, "the new limit of bytes, as 10G; 0: none"),
    option<&RootQuotaOptions::inodes>("inodes", 0, "the new limit of files; 0: none"),
};

std::string figure(uint64_t used, uint64_t limit, bool bytes) {
  auto text = [&](uint64_t number) { return bytes ? human_size(number) : std::to_string(number); };
  return limit == 0 ? cat(text(used), " of no limit") : cat(text(used), " of ", text(limit));
}

Result<int> root_quota(const Globals& globals, RootQuotaOptions& options, Arguments& arguments) {
  bool changes = !options.disk.empty() || !options.inodes.empty();
  TRY_ASSIGN(images::Store store,
             open_store(globals, changes ? images::Store::Access::kWrite : images::Store::Access::kRead));
  TRY_ASSIGN(images::Root root, images::find_root(store, arguments[0]));
  TRY_ASSIGN(images::QuotaUsage usage, images::root_usage(store, root));
  if (usage.kind == images::QuotaKind::kNone)
    return fail(Kind::kState,
                "it was made without a limit (--disk, --inodes), and cannot be given one later");
  if (changes) {
    images::QuotaLimits limits = usage.limits;
    if (!options.disk.empty()) limits.bytes = parse_size(options.disk).value_or(0);
    if (!options.inodes.empty()) limits.inodes = parse_size(options.inodes).value_or(0);
    TRY(images::set_root_quota(store, root.name, limits));
    TRY_ASSIGN(usage, images::root_usage(store, root));
  }
  TRY(print(cat("disk: ", figure(usage.bytes, usage.limits.bytes, true),
                "\nfiles: ", figure(usage.inodes, usage.limits.inodes, false),
                "\nheld by: ", quota_kind_name(usage.kind), "\n")));
  return kExitOk;
}

}  // namespace

constinit const Verb root_quota_verb = {
    .name = "quota",
    .arguments = "<root>",
    .summary = "show or change the limit of what is written to a root",
    .description = "   It may be mounted and in use meanwhile.",
    .options = kOptions,
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kRootNames,
    .run = parse_and_run<RootQuotaOptions, root_quota>,
};

}  // namespace shoji::cli::op
