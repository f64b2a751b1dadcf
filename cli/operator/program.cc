#include "cli/operator/program.h"

namespace shoji::cli::op {

namespace {

constexpr Option kGlobalOptions[] = {
    option<&Globals::store>("store", 0, "directory of the images, instead of the configuration's"),
    option<&Globals::config>("config", 0, "configuration of images and registries", "/etc/shoji/images.json"),
    option<&Globals::root>("root", 0, "directory of what was defined: networks, services", "/var/lib/shoji"),
    option<&Globals::run>("run", 0, "directory of what is there until the next boot", "/run/shoji"),
    option<&Globals::debug>("debug", 0, "also say what is done"),
    option<&Globals::version>("version", 'v', "print the version"),
};

Start start(const void* target) {
  const auto& globals = *static_cast<const Globals*>(target);
  return {{"shoji", "", LogFormat::kText, globals.debug}, globals.version};
}

Result<> check(void* target) {
  const auto& globals = *static_cast<const Globals*>(target);
  // Relative to what would depend on who asks: the store's path goes into mounts, the others' into records.
  constexpr std::pair<std::string_view, std::string Globals::*> kPaths[] = {
      {"--store", &Globals::store}, {"--root", &Globals::root}, {"--run", &Globals::run}};
  for (const auto& [name, member] : kPaths)
    if (const std::string& path = globals.*member; !path.empty() && path[0] != '/')
      return fail(Kind::kInvalid, cat(name, " ", quote(path), " is not an absolute path"));
  return {};
}

std::string version() {
  return cat("shoji version ", SHOJI_VERSION, "\ncommit: ", SHOJI_COMMIT, "\n");
}

}  // namespace

Program describe(std::span<const Verb* const> verbs) {
  return {
      .name = "shoji",
      .summary = "divide this host into partitions, from images",
      .introduction =
          "An image is a root filesystem with what to run in it. From a name to a root that is ready:\n\n"
          "   shoji pull registry.example/nginx        brings an image into the store\n"
          "   shoji root create nginx web              makes a writable root of it, named web\n"
          "   shoji root mount web                     mounts it and prints where\n",
      .options = kGlobalOptions,
      .verbs = verbs,
      .exit_codes = kExitCodes,
      .unknown_verb_code = kExitUsage,
      .usage_code = kExitUsage,
      .dialect = Dialect::kPosix,
      .quotes_subjects = true,
      .version = version,
      .start = start,
      .check = check,
  };
}

}  // namespace shoji::cli::op
