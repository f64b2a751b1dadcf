#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <optional>

#include "base/io.h"
#include "cli/image/registry_access.h"
#include "cli/image/verbs.h"

namespace shoji::cli::image {

namespace {

constexpr size_t kLongestSecret = 1 << 20;

// What echoes is switched off, and on again however the question ends: ^C ends read(2) instead of us.
class Silence {
 public:
  Silence() {
    struct sigaction ending{};
    ending.sa_handler = [](int) {};  // without SA_RESTART
    sigaction(SIGINT, &ending, &interrupt_);
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    quiet_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  ~Silence() {
    if (quiet_) {
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
      ignore(write_all(STDERR_FILENO, "\n", "standard error"), "only the end of the line that was not seen");
    }
    sigaction(SIGINT, &interrupt_, nullptr);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  termios before_{};
  struct sigaction interrupt_{};
  bool quiet_ = false;
};

// A line from standard input, which is a terminal; without echo if `secret`.
Result<std::string> ask(std::string_view question, bool secret) {
  TRY(write_all(STDERR_FILENO, question, "standard error"));
  std::optional<Silence> silence;
  if (secret) silence.emplace();
  std::string line;
  char letter = 0;
  ssize_t n = 0;
  while ((n = read(STDIN_FILENO, &letter, 1)) == 1 && letter != '\n' && line.size() < kLongestSecret)
    line += letter;
  if (n != 1) return fail(Kind::kInvalid, "nothing was answered");
  return line;
}

Result<images::Credentials> credentials_of(const op::LoginOptions& options) {
  images::Credentials credentials{options.user, options.password, ""};
  if (options.password_stdin) {
    TRY_ASSIGN(credentials.password, read_fd(STDIN_FILENO, "standard input", kLongestSecret));
    while (credentials.password.ends_with('\n') || credentials.password.ends_with('\r'))
      credentials.password.pop_back();
  }
  bool terminal = isatty(STDIN_FILENO) != 0;
  if ((credentials.user.empty() || credentials.password.empty()) && !terminal)
    return fail(Kind::kInvalid, "--username and --password-stdin are needed where nobody can be asked");
  if (credentials.user.empty()) {
    TRY_ASSIGN(credentials.user, ask("Username: ", false));
  }
  if (credentials.password.empty()) {
    TRY_ASSIGN(credentials.password, ask("Password: ", true));
  }
  return credentials;
}

Result<int> login(const op::Globals& globals, op::LoginOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::ImagesConfig config, op::open_config(globals));
  TRY(use_registry_options(config, options, arguments[0]));
  // The repository is not asked for: only /v2/ is.
  images::Reference reference{.registry = arguments[0], .repository = "login", .tag = "latest", .digest = {}};
  TRY_ASSIGN(images::Repository registry, images::Repository::open(config, reference));
  TRY_ASSIGN(images::Credentials credentials, credentials_of(options));
  TRY(registry.check_login(credentials));
  TRY(images::save_credentials(arguments[0], credentials));
  TRY(print("Login succeeded\n"));
  return kExitOk;
}

Result<int> logout(const op::Globals& /*globals*/, op::LogoutOptions& options, Arguments& arguments) {
  if (!options.authfile.empty()) setenv("REGISTRY_AUTH_FILE", options.authfile.c_str(), 1);
  TRY(images::remove_credentials(arguments[0]));
  TRY(print("Login credentials removed\n"));
  return kExitOk;
}

}  // namespace

constinit const Verb login_verb = acting<op::LoginOptions, login>(op::kLogin);
constinit const Verb logout_verb = acting<op::LogoutOptions, logout>(op::kLogout);

}  // namespace shoji::cli::image
