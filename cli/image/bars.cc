// Bars of layers on a terminal. What is over scrolls away as a plain line; below it the layers that move are drawn
// again and again, so that a hundred layers fit on a small screen.
#include <sys/ioctl.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/io.h"
#include "cli/human.h"
#include "cli/image/progress.h"

namespace shoji::cli::image {

using images::Digest;
using images::TransferStage;

namespace {

constexpr std::string_view kClearLine = "\r\x1b[K";
constexpr std::string_view kUp = "\x1b[A";
constexpr std::string_view kGreen = "\x1b[32m", kDim = "\x1b[2m", kPlain = "\x1b[0m";
constexpr int64_t kRedrawMs = 80;
constexpr size_t kStageWidth = 11, kFewestCells = 8, kMostCells = 40;

bool moves(TransferStage stage) {
  return stage == TransferStage::kDownloading || stage == TransferStage::kUnpacking ||
         stage == TransferStage::kUploading;
}

size_t columns_of(int fd) {
  winsize size{};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

class Bars final : public images::Progress {
 public:
  Bars(int fd, bool colours) : fd_(fd), colours_(colours) {}
  ~Bars() override {
    std::string out = erase();
    put(out);
  }
  Bars(const Bars&) = delete;
  Bars& operator=(const Bars&) = delete;

  void say(std::string_view line) override {
    std::string out = erase();
    out += cat(printable(line), "\n");
    draw(out);
  }

  void layer(const Digest& digest, TransferStage stage, uint64_t done, uint64_t total) override {
    auto [found, added] = layers_.try_emplace(digest, Layer{stage, done, total});
    bool entered = added || found->second.stage != stage;
    found->second = {stage, done, total == 0 ? found->second.total : total};
    int64_t now = monotonic_ms();
    if (!entered && now - drawn_at_ < kRedrawMs) return;
    drawn_at_ = now;
    std::string out = erase();
    if (entered && !moves(stage) && stage != TransferStage::kWaiting)
      out += clipped(cat(digest.short_text(), "  ", stage_text(stage)), kDim);
    draw(out);
  }

 private:
  struct Layer {
    TransferStage stage;
    uint64_t done, total;
  };

  void put(std::string_view text) const {
    ignore(write_all(fd_, text, "progress"), "progress is for whoever looks; the result says how it ended");
  }

  // Back to where the bars begin, with nothing below.
  std::string erase() {
    std::string out;
    for (; drawn_ > 0; --drawn_) out += cat(kUp, kClearLine);
    return out;
  }

  [[nodiscard]] std::string clipped(std::string text, std::string_view colour) const {
    size_t width = columns_of(fd_) - 1;
    if (text.size() > width) text.resize(width);
    return colours_ ? cat(colour, text, kPlain, "\n") : text + "\n";
  }

  [[nodiscard]] std::string bar(const Digest& digest, const Layer& layer) const {
    std::string stage(stage_text(layer.stage));
    stage.resize(std::max(kStageWidth, stage.size()), ' ');
    std::string left = cat(digest.short_text(), "  ", stage, "  ");
    std::string right = layer.total == 0 ? human_size(layer.done)
                                         : cat(human_size(layer.done), " / ", human_size(layer.total));
    size_t columns = columns_of(fd_) - 1;
    size_t used = left.size() + right.size() + 4;
    if (layer.total == 0 || columns < used + kFewestCells) return clipped(left + right, "");
    size_t cells = std::min(columns - used, kMostCells);
    auto full = static_cast<size_t>(std::min<uint64_t>(layer.done, layer.total) * cells / layer.total);
    std::string filled(full, '=');
    if (full < cells) filled += '>';
    std::string empty(cells - std::min(cells, filled.size()), ' ');
    return cat(left, "[", colours_ ? kGreen : "", filled, colours_ ? kPlain : "", empty, "]  ", right, "\n");
  }

  void draw(std::string& out) {
    for (const auto& [digest, layer] : layers_) {
      if (!moves(layer.stage)) continue;
      out += bar(digest, layer);
      ++drawn_;
    }
    put(out);
  }

  int fd_;
  bool colours_;
  std::map<Digest, Layer> layers_;
  size_t drawn_ = 0;
  int64_t drawn_at_ = 0;
};

}  // namespace

std::unique_ptr<images::Progress> make_bars(int fd, bool colours) {
  return std::make_unique<Bars>(fd, colours);
}

}  // namespace shoji::cli::image
