// process.terminal: a pty over the console socket, and one proxied to the caller's own terminal.
#include "tests/integration/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

namespace {

// `run` in the foreground of a terminal of ours.
Process run_on(const Pty& pty, Sandbox& box) {
  box.bundle.set("/process/terminal", "true").save();
  Command c = box.command({"run", "--bundle", box.bundle.path(), box.id()});
  c.terminal = pty.slave.get();
  return Process(c);
}

}  // namespace

TEST_CASE("create sends the pty's master over the console socket", "[terminal]") {
  Sandbox box;
  ConsoleSocket console(box.scratch() + "/console");
  box.bundle.set("/process/terminal", "true")
      .probe("tty 0 , tty 1 , tty 2 , write /dev/console over , sleep 1");
  REQUIRE(box.create({"--console-socket", console.path()}).code == 0);
  shoji::UniqueFd master = console.receive();
  REQUIRE(master);
  CHECK(console.message() == containing("ptmx"));
  CHECK(box.start().code == 0);
  std::string seen = read_until(master.get(), "over");
  CHECK(seen == containing("tty0=yes 0x0 /dev/pts/0"));
  CHECK(seen == containing("tty1=yes"));
  CHECK(seen == containing("tty2=yes"));
  CHECK(seen == containing("over"));
}

TEST_CASE("run --detach takes a console socket as well", "[terminal]") {
  Sandbox box;
  ConsoleSocket console(box.scratch() + "/console");
  box.bundle.set("/process/terminal", "true").probe("echo on the pty , wait");
  REQUIRE(box.run({"--detach", "--console-socket", console.path()}).code == 0);
  shoji::UniqueFd master = console.receive();
  REQUIRE(master);
  CHECK(read_until(master.get(), "on the pty") == containing("on the pty"));
}

TEST_CASE("the configured console size is set before the program runs", "[terminal]") {
  Sandbox box;
  ConsoleSocket console(box.scratch() + "/console");
  box.bundle.set("/process/terminal", "true").set("/process/consoleSize", R"({"width": 123, "height": 45})");
  box.bundle.probe("tty 0 , wait");
  REQUIRE(box.create({"--console-socket", console.path()}).code == 0);
  shoji::UniqueFd master = console.receive();
  REQUIRE(master);
  CHECK(box.start().code == 0);
  CHECK(read_until(master.get(), "\n") == containing("tty0=yes 123x45 "));
}

TEST_CASE("the pty belongs to the container's user", "[terminal]") {
  Sandbox box;
  ConsoleSocket console(box.scratch() + "/console");
  box.bundle.set("/process/terminal", "true").set("/process/user", R"({"uid": 1000, "gid": 1000})");
  box.bundle.probe("stat /dev/pts/0 , stat /dev/console , write /dev/tty controlling , wait");
  REQUIRE(box.create({"--console-socket", console.path()}).code == 0);
  shoji::UniqueFd master = console.receive();
  REQUIRE(master);
  CHECK(box.start().code == 0);
  std::string seen = read_until(master.get(), "controlling");
  CHECK(seen == containing("/dev/pts/0: char 0620 1000:5"));
  CHECK(seen == containing("/dev/console: char 0620 1000:5"));
  CHECK(seen == containing("controlling"));
}

TEST_CASE("a terminal without a console socket is refused by create", "[terminal]") {
  Sandbox box;
  box.bundle.set("/process/terminal", "true");
  Finished f = box.create();
  CHECK(f.code == 1);
  CHECK(f.err == saying("console"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("a console socket without a terminal is refused", "[terminal]") {
  Sandbox box;
  ConsoleSocket console(box.scratch() + "/console");
  Finished f = box.create({"--console-socket", console.path()});
  CHECK(f.code == 1);
  CHECK(f.err == saying("console"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("a console socket that nobody listens at is refused and leaves nothing", "[terminal]") {
  Sandbox box;
  box.bundle.set("/process/terminal", "true");
  Finished f = box.create({"--console-socket", box.scratch() + "/nobody"});
  CHECK(f.code == 1);
  CHECK(f.err == saying("nobody"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("a terminal's lines end with a newline alone where the caller's output is no terminal",
          "[terminal]") {
  Sandbox box;
  box.bundle.set("/process/terminal", "true").probe("echo one , echo two");
  CHECK(box.outcome() == "one\ntwo\n");
}

TEST_CASE("run in a terminal passes keys in and output out", "[terminal]") {
  Sandbox box;
  Pty pty;
  pty.resize(90, 30);
  box.bundle.probe("tty 0 , echo ready , stdin");
  Process runtime = run_on(pty, box);
  std::string seen = read_until(pty.master.get(), "ready");
  CHECK(seen == containing("tty0=yes 90x30"));
  CHECK(seen != containing("\r\r"));  // one of the two terminals adds the carriage return, not both
  pty.type("typed\n\x04");
  seen = read_until(pty.master.get(), "stdin=");
  CHECK(seen == containing("typed"));
  CHECK(seen == containing("stdin=6 bytes"));
  CHECK(runtime.wait().code == 0);
}

TEST_CASE("the caller's terminal is raw while the container runs and as before afterwards", "[terminal]") {
  Sandbox box;
  Pty pty;
  termios before{}, during{}, after{};
  tcgetattr(pty.slave.get(), &before);
  box.bundle.probe("exit-on USR1 3");
  Process runtime = run_on(pty, box);
  REQUIRE(read_until(pty.master.get(), "ready") == containing("ready"));
  tcgetattr(pty.slave.get(), &during);
  CHECK((during.c_lflag & (ICANON | ECHO)) == 0u);
  CHECK(box.kill("USR1").code == 0);
  CHECK(runtime.wait().code == 3);
  tcgetattr(pty.slave.get(), &after);
  CHECK(after.c_lflag == before.c_lflag);
  CHECK(after.c_oflag == before.c_oflag);
  CHECK(after.c_iflag == before.c_iflag);
}

TEST_CASE("a new size of the caller's terminal reaches the container", "[terminal]") {
  Sandbox box;
  Pty pty;
  pty.resize(80, 25);
  box.bundle.probe("winch");
  Process runtime = run_on(pty, box);
  REQUIRE(read_until(pty.master.get(), "ready") == containing("ready"));
  pty.resize(111, 42);
  runtime.signal(SIGWINCH);
  CHECK(read_until(pty.master.get(), "size=") == containing("size=111x42"));
}

TEST_CASE("control-C reaches the program as a key, not the runtime", "[terminal]") {
  Sandbox box;
  Pty pty;
  box.bundle.probe("exit-on INT 8");
  Process runtime = run_on(pty, box);
  REQUIRE(read_until(pty.master.get(), "ready") == containing("ready"));
  pty.type("\x03");
  CHECK(runtime.wait().code == 8);
}

TEST_CASE("exec -t gives the process a terminal of its own", "[terminal]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  Pty pty;
  pty.resize(70, 20);
  Command c = box.command({"exec", "-t", box.id(), "/probe", "tty", "0", ",", "stdin"});
  c.terminal = pty.slave.get();
  Process exec(c);
  std::string seen = read_until(pty.master.get(), "\n");
  CHECK(seen == containing("tty0=yes 70x20 /dev/pts/"));
  pty.type("\x04");
  CHECK(exec.wait().code == 0);
}

TEST_CASE("exec --tty --detach sends the pty over a console socket", "[terminal]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  ConsoleSocket console(box.scratch() + "/console");
  Finished f = box.exec("tty 0 , echo end , wait", {"--tty", "--detach", "--console-socket", console.path()});
  INFO(f.err);
  CHECK(f.code == 0);
  shoji::UniqueFd master = console.receive();
  REQUIRE(master);
  CHECK(read_until(master.get(), "end") == containing("tty0=yes"));
}

TEST_CASE("without a terminal none is made", "[terminal]") {
  Sandbox box;
  box.bundle.probe("tty 0 , tty 1 , lstat /dev/console , ls /dev/pts");
  Finished f = box.run();
  CHECK(f.out == "tty0=no\ntty1=no\nlstat /dev/console: ENOENT\n/dev/pts: ptmx\n");
}

TEST_CASE("a terminal works in a user namespace", "[terminal][userns]") {
  Sandbox box;
  ConsoleSocket console(box.scratch() + "/console");
  box.bundle.user_namespace()
      .set("/process/terminal", "true")
      .probe("tty 0 , stat /dev/pts/0 , echo end , wait");
  Finished f = box.create({"--console-socket", console.path()});
  INFO(f.err);
  REQUIRE(f.code == 0);
  shoji::UniqueFd master = console.receive();
  REQUIRE(master);
  CHECK(box.start().code == 0);
  std::string seen = read_until(master.get(), "end");
  CHECK(seen == containing("tty0=yes"));
  CHECK(seen == containing("/dev/pts/0: char 0620 0:5"));
}
