#include "cli/net/editor.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/io.h"
#include "base/rollback.h"
#include "base/spawn.h"

namespace shoji::cli::net {

namespace {

constexpr size_t kDocumentLimit = 16 << 20;  // bytes

// As git(1) and visudo(8) do: the variable is a command line for the shell.
Result<> run_editor(const std::string& file) {
  const char* editor = nullptr;
  for (const char* variable : {"VISUAL", "EDITOR"})
    if (const char* set = getenv(variable); editor == nullptr && set != nullptr && *set != '\0') editor = set;
  if (editor == nullptr) editor = "vi";
  std::string command = cat(editor, " \"$1\"");
  const char* const argv[] = {"sh", "-c", command.c_str(), "sh", file.c_str(), nullptr};
  pid_t child = fork();
  if (child < 0) return fail_errno(errno, "fork");
  if (child == 0) {
    execv("/bin/sh", const_cast<char* const*>(argv));
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return fail_errno(errno, "waitpid");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return fail(Kind::kState,
                cat("editor ", quote(editor), ": ", status_text(status), ", nothing is changed"));
  return {};
}

std::string directory_of(const std::string& file) {
  return file.substr(0, file.rfind('/'));
}

}  // namespace

void EditedDocument::forget() const {
  ignore(remove_tree(directory_of(file)), "only a copy");
}

// A file of its own in a directory of its own: editors write backups beside it.
Result<EditedDocument> edit_document(const std::string& name, const std::string& text) {
  const char* temporary = getenv("TMPDIR");
  std::string directory = cat(temporary != nullptr ? temporary : "/tmp", "/shoji-edit.XXXXXX");
  if (mkdtemp(directory.data()) == nullptr) return fail_errno(errno, cat("make ", quote(directory)));
  EditedDocument out{.text = {}, .file = cat(directory, "/", name, ".json")};
  Rollback cleanup;
  cleanup.add([&out] { out.forget(); });
  TRY_ASSIGN(UniqueFd file, open_file(out.file, O_WRONLY | O_CREAT | O_EXCL, 0600));
  TRY(write_all(file.get(), text, out.file));
  file.reset();
  TRY(run_editor(out.file));
  TRY_ASSIGN(out.text, read_document(out.file));
  cleanup.commit();
  return out;
}

Result<std::string> read_document(const std::string& file) {
  if (file == "-") return read_fd(STDIN_FILENO, "standard input", kDocumentLimit);
  return read_file(file, kDocumentLimit);
}

}  // namespace shoji::cli::net
