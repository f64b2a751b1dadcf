#include <termios.h>

#include <filesystem>

#include "tests/catch.h"
#include "tests/integration/images/image_maker.h"
#include "tests/integration/images/registry.h"
#include "tests/integration/images/strangers.h"
#include "tests/integration/images/workshop.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"
#include "tests/integration/terminal.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

TEST_CASE("login keeps credentials that work, where skopeo finds them; logout forgets them") {
  Workshop shop;
  Registry registry({.login = true});
  std::string file = shop.scratch() + "/auth.json";
  Command login = shop.command({"login", "--tls-verify=false", "--authfile", file, "-u", Registry::kUser,
                                "--password-stdin", registry.address()});
  login.input = std::string(Registry::kPassword) + "\n";
  Finished done = run_command(login);
  CHECK(done.err == "");
  CHECK(done.out == "Login succeeded\n");
  CHECK(std::filesystem::status(file).permissions() ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  Made made = make_busybox_image(shop.layout());
  must({"skopeo", "copy", "-q", "--insecure-policy", "--dest-tls-verify=false", "--authfile", file,
        "oci:" + made.layout, "docker://" + registry.address() + "/a:1"});
  CHECK(shop.must({"logout", "--authfile", file, registry.address()}) == "Login credentials removed");
  CHECK(read_text(file).find(registry.address()) == std::string::npos);
  CHECK(shop.refused({"logout", "--authfile", file, registry.address()}) ==
        containing("shoji: logout \"" + registry.address() + "\": "));
}

TEST_CASE("login refuses what the registry refuses, and keeps nothing") {
  Workshop shop;
  Registry registry({.login = true});
  std::string file = shop.scratch() + "/auth.json";
  Finished done = shop.shoji(
      {"login", "--tls-verify=false", "--authfile", file, "-u", "person", "-p", "wrong", registry.address()});
  CHECK(done.code == 1);
  CHECK(one_sentence(done));
  CHECK(done.err == containing("401"));
  CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("login that nobody can answer, or that contradicts itself, is wrong usage") {
  Workshop shop;
  CHECK(shop.refused({"login", "-p", "x", "127.0.0.1:1"}, 2) ==
        "shoji: login: a password needs --username\nhint: shoji login --help\n");
  CHECK(shop.refused({"login", "-u", "a", "-p", "x", "--password-stdin", "127.0.0.1:1"}, 2) ==
        containing("exclude each other"));
  CHECK(shop.refused({"login"}, 2) == containing("takes exactly 1 argument, got 0"));
  CHECK(shop.refused({"login", "--tls-verify=false", "127.0.0.1:1"}) ==
        containing("--username and --password-stdin are needed where nobody can be asked"));
}

TEST_CASE("login asks at a terminal, shows no password, and puts the echo back even after ^C") {
  Workshop shop;
  Registry registry({.login = true});
  std::string file = shop.scratch() + "/auth.json";
  auto echoes = [](int terminal) {
    termios settings{};
    return tcgetattr(terminal, &settings) == 0 && (settings.c_lflag & ECHO) != 0;
  };
  for (bool interrupted : {false, true}) {
    Pty pty;
    Command command = shop.command({"login", "--tls-verify=false", "--authfile", file, registry.address()});
    command.terminal = pty.slave.get();
    Process login(command);
    CHECK(eventually([&] { return login.err() == "Username: "; }));
    pty.type("person\r");
    CHECK(eventually([&] { return login.err() == "Username: Password: " && !echoes(pty.slave.get()); }));
    pty.type(interrupted ? "sec\x03" : "secret word\r");
    Finished done = login.wait(60 * time_factor());
    CHECK(done.code == (interrupted ? 1 : 0));
    CHECK(echoes(pty.slave.get()));
    std::string shown = read_until(pty.master.get(), interrupted ? "person" : "succeeded");
    CHECK(shown.find("sec") == std::string::npos);
    CHECK(std::filesystem::exists(file) == !interrupted);
    std::filesystem::remove(file);
  }
}
