#pragma once
// A directory of a test's own, gone with the object, and openssl in it.
#include <cstdlib>
#include <string>

#include "base/io.h"
#include "base/spawn.h"
#include "tests/catch.h"

struct Temporary {
  std::string path;
  Temporary() {
    char name[] = "/tmp/shoji-unit-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path = name;
  }
  ~Temporary() { shoji::ignore(shoji::remove_tree(path), "the host's check sees a test's leftovers"); }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  [[nodiscard]] std::string operator/(std::string_view name) const { return shoji::cat(path, '/', name); }
  void write(std::string_view name, std::string_view text) const {
    std::string file = *this / name;
    REQUIRE(shoji::make_directories(file.substr(0, file.rfind('/')), 0700));
    REQUIRE(shoji::write_file_atomically(file, text));
  }
  void openssl(const std::string& arguments) const {
    auto done = shoji::run_captured(
        {"/bin/sh", {"sh", "-c", "openssl " + arguments}, {"PATH=/usr/bin:/bin"}, {}, path}, "", 60'000);
    REQUIRE(done);
    INFO(done->err);
    REQUIRE(done->status == 0);
  }
};
