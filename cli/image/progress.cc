#include "cli/image/progress.h"

#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <map>

#include "base/io.h"
#include "base/json.h"
#include "cli/human.h"

namespace shoji::cli::image {

using images::Digest;
using images::TransferStage;

namespace {

constexpr std::string_view kStageNames[] = {"waiting",
                                            "downloading",
                                            "unpacking",
                                            "done",
                                            "already there",
                                            "uploading",
                                            "mounted from another repository"};

void put(int fd, std::string_view text) {
  ignore(write_all(fd, text, "progress"), "progress is for whoever looks; the result says how it ended");
}

class Quiet final : public images::Progress {
 public:
  void say(std::string_view /*line*/) override {}
  void layer(const Digest& /*digest*/, TransferStage /*stage*/, uint64_t /*done*/,
             uint64_t /*total*/) override {}
};

// One line when a layer enters a stage.
class Lines final : public images::Progress {
 public:
  explicit Lines(int fd) : fd_(fd) {}
  void say(std::string_view line) override { put(fd_, cat(printable(line), "\n")); }
  void layer(const Digest& digest, TransferStage stage, uint64_t /*done*/, uint64_t total) override {
    auto [found, added] = stages_.try_emplace(digest, stage);
    if (!added && found->second == stage) return;
    found->second = stage;
    if (stage == TransferStage::kWaiting) return;
    put(fd_, cat(digest.short_text(), ": ", stage_text(stage), total != 0 ? cat(" ", human_size(total)) : "",
                 "\n"));
  }

 private:
  int fd_;
  std::map<Digest, TransferStage> stages_;
};

// One JSON object a line, at most five a second for each layer in the same stage.
class JsonLines final : public images::Progress {
 public:
  explicit JsonLines(int fd) : fd_(fd) {}
  void say(std::string_view line) override {
    JsonWriter json;
    json.begin_object().member("event", "message").member("text", line).end_object();
    put(fd_, json.take() + "\n");
  }
  void layer(const Digest& digest, TransferStage stage, uint64_t done, uint64_t total) override {
    constexpr int64_t kGapMs = 200;
    Seen& seen = seen_[digest];
    int64_t now = monotonic_ms();
    bool complete = total != 0 && done == total;
    if (seen.known && seen.stage == stage && (!complete || seen.complete) && now - seen.at < kGapMs) return;
    seen = {true, stage, complete, now};
    JsonWriter json;
    json.begin_object().member("event", "layer").member("digest", digest.text());
    json.member("stage", stage_text(stage)).member("done", done).member("total", total).end_object();
    put(fd_, json.take() + "\n");
  }

 private:
  struct Seen {
    bool known = false;
    TransferStage stage = TransferStage::kWaiting;
    bool complete = false;
    int64_t at = 0;
  };
  int fd_;
  std::map<Digest, Seen> seen_;
};

bool bars_fit(int fd) {
  const char* terminal = getenv("TERM");
  return isatty(fd) != 0 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

bool wants_colours() {
  const char* set = getenv("NO_COLOR");  // no-color.org: set and not empty
  return set == nullptr || *set == '\0';
}

}  // namespace

std::string_view stage_text(TransferStage stage) {
  return kStageNames[static_cast<size_t>(stage)];
}

int64_t monotonic_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

std::unique_ptr<images::Progress> make_lines(int fd) {
  return std::make_unique<Lines>(fd);
}

std::unique_ptr<images::Progress> make_json_lines(int fd) {
  return std::make_unique<JsonLines>(fd);
}

std::unique_ptr<images::Progress> make_progress(ProgressStyle style) {
  if (style == ProgressStyle::kQuiet) return std::make_unique<Quiet>();
  if (style == ProgressStyle::kJson) return make_json_lines(STDOUT_FILENO);
  if (bars_fit(STDERR_FILENO)) return make_bars(STDERR_FILENO, wants_colours());
  return make_lines(STDERR_FILENO);
}

}  // namespace shoji::cli::image
