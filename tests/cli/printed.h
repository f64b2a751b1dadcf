#pragma once
// What a verb prints when it is called in this process.
#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/io.h"
#include "cli/operator/program.h"
#include "tests/catch.h"

namespace shoji::test {

// Standard output, or another stream, in a file as long as it lives.
class Redirected {
 public:
  Redirected(int stream, const std::string& file)
      : stream_(stream), saved_(fcntl(stream, F_DUPFD_CLOEXEC, 10)) {
    auto out = open_file(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    REQUIRE(out);
    dup2(out->get(), stream);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;
  ~Redirected() { dup2(saved_.get(), stream_); }

 private:
  int stream_;
  UniqueFd saved_;
};

struct Printed {
  int code = 0;
  std::string out, err;
};

// The words after the program's name; `directory` is for the streams' files.
inline Printed print_in(const std::string& directory, std::span<const cli::Verb* const> verbs,
                        std::vector<std::string> words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  Printed printed;
  {
    Redirected out(STDOUT_FILENO, directory + "/out"), err(STDERR_FILENO, directory + "/err");
    cli::op::Globals globals;
    printed.code = cli::run_program(cli::op::describe(verbs), &globals, pointers);
  }
  printed.out = read_file(directory + "/out").value();
  printed.err = read_file(directory + "/err").value();
  return printed;
}

}  // namespace shoji::test
