#pragma once
// Verbs that shoji-image runs: their options and what help and completion say. shoji has the same rows with hand_over()
// to run them.
#include <array>

#include "cli/operator/program.h"
#include "cli/table.h"

namespace shoji::cli::op {

// Completes the names of images, of roots.
inline constexpr std::string_view kImageNames = "image ls -o name --no-heading";
inline constexpr std::string_view kTemplateNames = "template ls -o name --no-heading";
inline constexpr std::string_view kRootNames = "root ls -o name --no-heading";

// How a registry is reached; part of several verbs' options.
struct RegistryOptions {
  bool tls_verify = true;
  std::string creds, authfile;
};
template <typename Options>
constexpr std::array<Option, 3> registry_options() {
  return {
      option_of<Options, &Options::tls_verify>("tls-verify", 0,
                                               "false: plain http, or any certificate, will do", "true"),
      option_of<Options, &Options::creds>("creds", 0, "USER:PASSWORD for this time only"),
      option_of<Options, &Options::authfile>("authfile", 0, "file of credentials, instead of the usual ones"),
  };
}

// What is told meanwhile and afterwards.
struct ReportOptions {
  bool quiet = false;
  std::string format = "text";
  [[nodiscard]] Result<> check_report() const {
    if (format == "text" || format == "json") return {};
    return fail(Kind::kInvalid, cat("invalid format ", quote(format), ": text or json"));
  }
};
template <typename Options>
constexpr std::array<Option, 2> report_options() {
  return {
      option_of<Options, &Options::quiet>("quiet", 'q', "print the result only"),
      option_of<Options, &Options::format>("format", 0, "text, or json: progress and result as lines of JSON",
                                           "text"),
  };
}

struct PullOptions : RegistryOptions, ReportOptions {
  std::string platform;
  bool all_platforms = false, no_unpack = false;
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kPullOptions = joined(
    std::array{
        option<&PullOptions::platform>("platform", 0, "OS/ARCH[/VARIANT], instead of this host's"),
        option<&PullOptions::all_platforms>("all-platforms", 0, "the image of every platform there is"),
        option<&PullOptions::no_unpack>("no-unpack", 0, "leave the unpacking to whoever needs it"),
    },
    registry_options<PullOptions>(), report_options<PullOptions>());
inline constexpr Verb kPull = {
    .name = "pull",
    .arguments = "<image>...",
    .summary = "bring images from a registry into the store, and unpack them",
    .description =
        "   [REGISTRY/]REPOSITORY[:TAG][@DIGEST]. A name without registry means what the configuration says\n"
        "   (\"aliases\", \"search\"). Interrupted, it goes on where it stopped when it is called again.",
    .options = kPullOptions,
    .min_arguments = 1,
    .names_subject = true,
};

struct PushOptions : RegistryOptions, ReportOptions {
  std::string compression = "gzip", sign_key, digestfile;
  bool force_compression = false;
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kPushOptions = joined(
    std::array{
        option<&PushOptions::compression>("compression-format", 0,
                                          "of layers stored uncompressed: gzip, zstd or none", "gzip"),
        option<&PushOptions::force_compression>("force-compression", 0,
                                                "compress layers anew that are compressed otherwise"),
        option<&PushOptions::sign_key>("sign-by-key", 0, "sign it with this private key (PEM)"),
        option<&PushOptions::digestfile>("digestfile", 0, "write the digest of what was pushed to this file"),
    },
    registry_options<PushOptions>(), report_options<PushOptions>());
inline constexpr Verb kPush = {
    .name = "push",
    .arguments = "<image> [destination]",
    .summary = "send an image to a registry",
    .options = kPushOptions,
    .min_arguments = 1,
    .max_arguments = 2,
    .names_subject = true,
    .candidates = kImageNames,
};

struct LoginOptions : RegistryOptions {
  std::string user, password;
  bool password_stdin = false;
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr std::array<Option, 5> kLoginOptions = {
    option<&LoginOptions::user>("username", 'u', "name of the user"),
    option<&LoginOptions::password>("password", 'p', "the password; others see it in the list of processes"),
    option<&LoginOptions::password_stdin>("password-stdin", 0, "read the password from standard input"),
    option_of<LoginOptions, &LoginOptions::tls_verify>(
        "tls-verify", 0, "false: plain http, or any certificate, will do", "true"),
    option_of<LoginOptions, &LoginOptions::authfile>("authfile", 0, "file to keep the credentials in"),
};
inline constexpr Verb kLogin = {
    .name = "login",
    .arguments = "<registry>",
    .summary = "try and keep the credentials for a registry",
    .options = kLoginOptions,
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
};

struct LogoutOptions {
  std::string authfile;
};
inline constexpr Option kLogoutOptions[] = {
    option<&LogoutOptions::authfile>("authfile", 0, "file that the credentials are in"),
};
inline constexpr Verb kLogout = {
    .name = "logout",
    .arguments = "<registry>",
    .summary = "forget the credentials for a registry",
    .options = kLogoutOptions,
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
};

struct LoadOptions : ReportOptions {
  std::string input = "-";
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kLoadOptions =
    joined(std::array{option<&LoadOptions::input>("input", 'i',
                                                  "archive or directory to read; -: standard input", "-")},
           report_options<LoadOptions>());
inline constexpr Verb kLoad = {
    .name = "load",
    .summary = "bring images from an archive into the store",
    .description = "   docker-archive or oci-archive, compressed or not, or the directory of an OCI layout.",
    .options = kLoadOptions,
    .max_arguments = 0,
};

struct SaveOptions : ReportOptions {
  std::string output = "-", archive = "oci-archive";
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr std::array<Option, 3> kSaveOptions = {
    option<&SaveOptions::output>("output", 'o', "file or directory to write; -: standard output", "-"),
    option<&SaveOptions::archive>("format", 0, "oci-archive, docker-archive or oci-dir", "oci-archive"),
    option_of<SaveOptions, &SaveOptions::quiet>("quiet", 'q', "no progress"),
};
inline constexpr Verb kSave = {
    .name = "save",
    .arguments = "<image>...",
    .summary = "write images to an archive",
    .options = kSaveOptions,
    .min_arguments = 1,
    .names_subject = true,
    .candidates = kImageNames,
};

struct ImportOptions : ReportOptions {
  std::vector<std::string> changes;
  std::string message;
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kImportOptions = joined(
    std::array{
        option<&ImportOptions::changes>(
            "change", 'c', "instruction as in a Dockerfile, as CMD [\"/bin/sh\"]; may be repeated"),
        option<&ImportOptions::message>("message", 'm', "for the image's history"),
    },
    report_options<ImportOptions>());
inline constexpr Verb kImport = {
    .name = "import",
    .arguments = "<archive|directory|-> <image>",
    .summary = "make an image of a root filesystem",
    .options = kImportOptions,
    .min_arguments = 2,
    .max_arguments = 2,
    .names_subject = true,
};

struct CommitOptions : ReportOptions {
  std::vector<std::string> changes;
  std::string author, message;
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kCommitOptions = joined(
    std::array{
        option<&CommitOptions::author>("author", 'a', "author of the image"),
        option<&CommitOptions::changes>("change", 'c',
                                        "instruction as in a Dockerfile, as USER www; may be repeated"),
        option<&CommitOptions::message>("message", 'm', "for the image's history"),
    },
    report_options<CommitOptions>());
inline constexpr Verb kCommit = {
    .name = "commit",
    .arguments = "<root> <image>",
    .summary = "make an image of a root as it is now",
    .options = kCommitOptions,
    .min_arguments = 2,
    .max_arguments = 2,
    .names_subject = true,
    .candidates = kRootNames,
};

struct TemplateBuildOptions : ReportOptions {
  std::string tag;
  bool no_cache = false;
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kTemplateBuildOptions = joined(
    std::array{
        option<&TemplateBuildOptions::tag>("tag", 't', "name of the image, instead of the template's"),
        option<&TemplateBuildOptions::no_cache>("no-cache", 0, "build it even if the same was built before"),
    },
    report_options<TemplateBuildOptions>());
inline constexpr Verb kTemplateBuild = {
    .name = "build",
    .arguments = "<template|file.json>",
    .summary = "make an image of distribution packages",
    .description =
        "   The same versions of packages give the same digest. What was built before is not built again.",
    .options = kTemplateBuildOptions,
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kTemplateNames,
};

struct TemplateLsOptions : ListOptions {
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kTemplateLsOptions = list_options<TemplateLsOptions>(std::array<Option, 0>{});
inline constexpr Verb kTemplateLs = {
    .name = "ls",
    .summary = "list the templates that there are",
    .description = "   Fields: name, description, path.",
    .options = kTemplateLsOptions,
    .max_arguments = 0,
};

inline constexpr Verb kTemplateShow = {
    .name = "show",
    .arguments = "<template|file.json>",
    .summary = "print a template, having checked it",
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kTemplateNames,
};
// Of TemplateLsOptions, which shoji-image has the rows for.
struct ListedTemplateRow {
  std::string name, description, path;
};
std::span<const Column> template_columns();

struct VerifyOptions {
  bool repair = false;
};
inline constexpr Option kVerifyOptions[] = {
    option<&VerifyOptions::repair>("repair", 0,
                                   "remove what is broken, so that the next pull brings it anew"),
};
inline constexpr Verb kVerify = {
    .name = "verify",
    .summary = "hash everything in the store again",
    .options = kVerifyOptions,
    .max_arguments = 0,
};

struct PrepareOptions : ReportOptions {
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kPrepareOptions = report_options<PrepareOptions>();
inline constexpr Verb kPrepare = {
    .name = "prepare",
    .arguments = "<image>...",
    .summary = "unpack what a root of an image needs",
    .options = kPrepareOptions,
    .min_arguments = 1,
    .names_subject = true,
    .candidates = kImageNames,
};

}  // namespace shoji::cli::op
