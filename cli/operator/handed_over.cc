#include "cli/operator/handed_over.h"

#include "images/store/manifest.h"
#include "images/store/reference.h"

namespace shoji::cli::op {

namespace {

Result<> check_names(std::span<const std::string> names) {
  for (const std::string& name : names) TRY(images::parse_reference(name));
  return {};
}

Result<> check_creds(const std::string& creds) {
  if (creds.empty() || creds.find(':') != std::string::npos) return {};
  return fail(Kind::kInvalid, "--creds: USER:PASSWORD is needed");
}

}  // namespace

Result<> PullOptions::check(const Arguments& arguments) const {
  TRY(check_report());
  TRY(check_creds(creds));
  if (!platform.empty())
    if (auto parsed = images::parse_platform(platform); !parsed)
      return Failure(within("--platform", parsed.error()));
  return check_names(arguments);
}

Result<> PushOptions::check(const Arguments& arguments) const {
  TRY(check_report());
  TRY(check_creds(creds));
  if (compression != "gzip" && compression != "zstd" && compression != "none")
    return fail(Kind::kInvalid,
                cat("--compression-format: ", quote(compression), " is none of gzip, zstd and none"));
  return check_names(std::span(arguments).subspan(1));
}

Result<> LoginOptions::check(const Arguments& /*arguments*/) const {
  if (password_stdin && !password.empty())
    return fail(Kind::kInvalid, "--password and --password-stdin exclude each other");
  if (user.empty() && (password_stdin || !password.empty()))
    return fail(Kind::kInvalid, "a password needs --username");
  return {};
}

Result<> LoadOptions::check(const Arguments& /*arguments*/) const {
  return check_report();
}

Result<> SaveOptions::check(const Arguments& /*arguments*/) const {
  if (archive != "oci-archive" && archive != "docker-archive" && archive != "oci-dir")
    return fail(Kind::kInvalid,
                cat("--format: ", quote(archive), " is none of oci-archive, docker-archive and oci-dir"));
  if (archive == "oci-dir" && output == "-")
    return fail(Kind::kInvalid, "--format oci-dir needs a directory, by --output");
  return {};
}

Result<> ImportOptions::check(const Arguments& arguments) const {
  TRY(check_report());
  return check_names(std::span(arguments).subspan(1));
}

Result<> CommitOptions::check(const Arguments& arguments) const {
  TRY(check_report());
  return check_names(std::span(arguments).subspan(1));
}

Result<> TemplateBuildOptions::check(const Arguments& /*arguments*/) const {
  TRY(check_report());
  return tag.empty() ? Result<>() : check_names(std::span(&tag, 1));
}

namespace {

Field name_of(const ListedTemplateRow& row) {
  return {row.name};
}
Field description_of(const ListedTemplateRow& row) {
  return {row.description};
}
Field path_of(const ListedTemplateRow& row) {
  return {row.path};
}
constexpr Column kTemplateColumns[] = {
    column<name_of>("name", "what build takes"),
    column<description_of>("description", "what it makes"),
    more_column<path_of>("path", "of its description"),
};

}  // namespace

std::span<const Column> template_columns() {
  return kTemplateColumns;
}

Result<> TemplateLsOptions::check(const Arguments& /*arguments*/) const {
  return check_list(kTemplateColumns);
}

Result<> PrepareOptions::check(const Arguments& /*arguments*/) const {
  return check_report();
}

}  // namespace shoji::cli::op
