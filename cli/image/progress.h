#pragma once
// Progress of a transfer as a person or a program wants to see it.
#include <memory>

#include "images/transfer/progress.h"

namespace shoji::cli::image {

// kAuto: bars on a terminal, else lines. On standard error, so that standard output is the result alone; JSON lines are
// the result and go to standard output.
enum class ProgressStyle : uint8_t { kAuto, kQuiet, kJson };

// What is drawn goes away, or stays complete, when the object ends.
std::unique_ptr<images::Progress> make_progress(ProgressStyle style);

std::string_view stage_text(images::TransferStage stage);
int64_t monotonic_ms();

// The three ways, written to `fd`.
std::unique_ptr<images::Progress> make_bars(int fd, bool colours);
std::unique_ptr<images::Progress> make_lines(int fd);
std::unique_ptr<images::Progress> make_json_lines(int fd);

}  // namespace shoji::cli::image
