#include "images/transfer/pipe.h"

#include <sys/resource.h>

#include <chrono>
#include <random>
#include <thread>

#include "tests/catch.h"

using namespace shoji;
using namespace shoji::images;
using namespace std::chrono_literals;

// Pieces of every size go in and come out in pieces of other sizes.
TEST_CASE("bytes leave a pipe as they entered it") {
  for (size_t capacity : {1, 7, 4096}) {
    Pipe pipe = make_pipe(capacity);
    std::string sent;
    for (int i = 0; i < 50'000; i++) sent += static_cast<char>(i * 31 + i / 256);
    std::thread writer([&] {
      std::minstd_rand random(42);
      for (size_t at = 0; at < sent.size();) {
        size_t size = std::min<size_t>(random() % 9000, sent.size() - at);
        if (!pipe.writer.write(std::span(sent).subspan(at, size))) return;
        at += size;
      }
      ignore(pipe.writer.finish(), "it cannot fail");
    });
    std::string received;
    std::minstd_rand random(7);
    char buffer[5000];
    for (;;) {
      Result<size_t> size = pipe.reader.read(std::span(buffer).first(1 + random() % sizeof buffer));
      REQUIRE(size);
      if (*size == 0) break;
      received.append(buffer, *size);
    }
    writer.join();
    CHECK((received == sent));
    CHECK(pipe.reader.read(buffer).value_or(99) == 0);  // the end stays the end
  }
}

TEST_CASE("a writer's error reaches the reader") {
  Pipe pipe = make_pipe(64);
  std::thread writer([&] {
    std::this_thread::sleep_for(5ms);
    pipe.writer.fail({.kind = Kind::kInvalid, .text = "blob is broken"});
  });
  char byte = 0;
  Result<size_t> size = pipe.reader.read({&byte, 1});
  writer.join();
  REQUIRE(!size);
  CHECK(size.error().kind == Kind::kInvalid);
  CHECK(size.error().text == "blob is broken");
}

TEST_CASE("a reader that gives up ends the writer, also one that waits for room") {
  Pipe pipe = make_pipe(64);
  std::thread reader([&] {
    std::this_thread::sleep_for(5ms);
    pipe.reader.close({.kind = Kind::kSystem, .err = ENOSPC, .text = "no room"});
  });
  Result<> written = pipe.writer.write(std::string(1000, 'x'));
  reader.join();
  REQUIRE(!written);
  CHECK(written.error().text == "no room");
  CHECK(written.error().err == ENOSPC);
}

TEST_CASE("a pipe whose other end is gone does not hang, and does not end quietly") {
  auto pipe = std::make_unique<Pipe>(make_pipe(64));
  PipeReader reader = std::move(pipe->reader);
  pipe.reset();  // the writer is gone without finish()
  char byte = 0;
  CHECK(!reader.read({&byte, 1}));

  auto second = std::make_unique<Pipe>(make_pipe(64));
  PipeWriter writer = std::move(second->writer);
  second.reset();
  CHECK(!writer.write(std::string(65, 'x')));
}

TEST_CASE("a failure after the end changes nothing") {
  Pipe pipe = make_pipe(64);
  REQUIRE(pipe.writer.write(std::string_view("abc")));
  REQUIRE(pipe.writer.finish());
  pipe.writer.fail({.kind = Kind::kState, .text = "too late"});
  char buffer[8];
  CHECK(pipe.reader.read(buffer).value_or(0) == 3);
  CHECK(pipe.reader.read(buffer).value_or(99) == 0);
}

TEST_CASE("who waits at a pipe sleeps") {
  Pipe pipe = make_pipe(64);
  auto cpu = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
  };
  auto before = cpu();
  std::thread writer([&] {
    std::this_thread::sleep_for(200ms);
    ignore(pipe.writer.finish(), "it cannot fail");
  });
  char byte = 0;
  CHECK(pipe.reader.read({&byte, 1}).value_or(99) == 0);
  writer.join();
  CHECK(cpu() - before < 100'000);  // microseconds
}
