// Writing credentials: one entry changes, everything else in the file stays.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"
#include "base/json_copy.h"
#include "images/registry/auth_files.h"
#include "images/registry/base64.h"
#include "images/registry/credential_helper.h"

namespace shoji::images {

namespace {

void write_entry(JsonWriter& out, const Credentials& credentials) {
  out.begin_object();
  out.member("auth", std::string_view(encode_base64(cat(credentials.user, ':', credentials.password))));
  if (!credentials.identity_token.empty())
    out.member("identitytoken", std::string_view(credentials.identity_token));
  out.end_object();
}

// The file with `registry`'s entry replaced, or removed when `credentials` is null.
std::string changed(Json root, const std::string& registry, const Credentials* credentials) {
  JsonWriter out(JsonWriter::Style::kIndented);
  out.begin_object();
  Json auths;
  if (root.is_object()) {
    for (Json member = root.first(); member.exists(); member = member.next()) {
      if (member.key() == "auths") {
        auths = member;
        continue;
      }
      out.key(member.key());
      copy_json(out, member);
    }
  }
  out.key("auths").begin_object();
  if (auths.is_object()) {
    for (Json entry = auths.first(); entry.exists(); entry = entry.next()) {
      if (entry.key() == registry) continue;
      out.key(entry.key());
      copy_json(out, entry);
    }
  }
  if (credentials != nullptr) write_entry(out.key(registry), *credentials);
  out.end_object().end_object();
  return out.take() + "\n";
}

// The file that is written, locked by its directory against other logins.
struct LoginFile {
  std::string path;
  UniqueFd lock;
  std::string text;  // empty: there is none

  static Result<LoginFile> open() {
    LoginFile file;
    file.path = auth_files()[0].path;
    size_t slash = file.path.rfind('/');
    std::string directory = slash == std::string::npos ? "." : file.path.substr(0, slash + 1);
    TRY(make_directories(directory, 0700));
    TRY_ASSIGN(file.lock, open_file(directory, O_RDONLY | O_DIRECTORY));
    if (flock(file.lock.get(), LOCK_EX) != 0) return fail_errno(errno, cat("lock ", quote(directory)));
    Result<std::string> text = read_file(file.path, kAuthFileLimit);
    if (!text && text.error().kind != Kind::kNotFound) return std::unexpected(text.error());
    if (text) file.text = std::move(*text);
    return file;
  }
  [[nodiscard]] Result<JsonDocument> parse() const {
    return JsonDocument::parse(text.empty() ? "{}" : text, cat("file ", quote(path)));
  }
};

std::string entry_key(const std::string& registry) {
  return registry == "docker.io" ? old_keys(registry)[0] : registry;
}

}  // namespace

Result<> save_credentials(const std::string& registry, const Credentials& credentials) {
  if (credentials.user.find(':') != std::string::npos)
    return fail(Kind::kInvalid, cat("user name ", quote(credentials.user), " has a colon"));
  TRY_ASSIGN(LoginFile file, LoginFile::open());
  TRY_ASSIGN(JsonDocument document, file.parse());
  std::string helper = helper_in(document.root(), registry);
  if (!helper.empty()) return helper_store(helper, entry_key(registry), credentials);
  return write_file_atomically(file.path, changed(document.root(), registry, &credentials), 0600);
}

Result<> remove_credentials(const std::string& registry) {
  TRY_ASSIGN(LoginFile file, LoginFile::open());
  TRY_ASSIGN(JsonDocument document, file.parse());
  std::string helper = helper_in(document.root(), registry);
  if (!helper.empty()) return helper_erase(helper, entry_key(registry));
  Json auths = document.root().find("auths");
  if (!auths.is_object() || !auths.find(registry).exists())
    return fail(Kind::kNotFound,
                cat("no credentials for registry ", quote(registry), " in ", quote(file.path)));
  return write_file_atomically(file.path, changed(document.root(), registry, nullptr), 0600);
}

}  // namespace shoji::images
