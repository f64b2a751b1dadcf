#include "tests/integration/images/workshop.h"

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/integration/sandbox.h"
#include "tests/integration/wait.h"

namespace shoji::test {

const std::string& shoji_program() {
  static const std::string path = getenv("SHOJI") != nullptr ? getenv("SHOJI") : SHOJI_BUILT;
  return path;
}

Workshop::Workshop() {
  write_text(config_file(), "{}");
}

Workshop::~Workshop() = default;

Command Workshop::command(const std::vector<std::string>& arguments) const {
  Command c;
  c.argv = {shoji_program(), "--store", store(), "--config", config_file()};
  c.argv.insert(c.argv.end(), arguments.begin(), arguments.end());
  return c;
}

Finished Workshop::shoji(const std::vector<std::string>& arguments, double seconds) const {
  return run_command(command(arguments), seconds * time_factor());
}

std::string Workshop::must(const std::vector<std::string>& arguments, double seconds) const {
  Finished done = shoji(arguments, seconds);
  if (done.code != 0) {
    std::string line;
    for (const std::string& word : arguments) line += " " + word;
    FAIL("shoji" << line << " exited with " << done.code << ": " << done.err << done.out);
  }
  if (done.out.ends_with('\n')) done.out.pop_back();
  return done.out;
}

std::string Workshop::refused(const std::vector<std::string>& arguments, int code) const {
  Finished done = shoji(arguments);
  INFO(done.out);
  INFO(done.err);
  CHECK(done.code == code);
  return done.err;
}

void Workshop::set(std::string_view pointer, std::string_view value) const {
  nlohmann::json document = nlohmann::json::parse(read_text(config_file()));
  document[nlohmann::json::json_pointer(std::string(pointer))] = nlohmann::json::parse(value);
  write_text(config_file(), document.dump());
}

std::string Workshop::run_in(const std::string& root, const std::vector<std::string>& argv) const {
  Sandbox box;
  box.bundle.set("/root/path", json_string(root)).args(argv);
  box.bundle.set("/process/env", R"(["PATH=/bin:/usr/bin:/sbin:/usr/sbin"])");
  return box.outcome();
}

}  // namespace shoji::test
