#include "namespaces/time_offsets.h"

#include "base/io.h"

namespace shoji {

std::string time_offsets_text(const Linux& linux) {
  std::string out;
  auto line = [&out](std::string_view clock, const std::optional<TimeOffset>& offset) {
    if (offset) out += cat(clock, ' ', offset->secs, ' ', offset->nanosecs, '\n');
  };
  line("monotonic", linux.monotonic_offset);
  line("boottime", linux.boottime_offset);
  return out;
}

Result<> write_time_offsets(int proc, pid_t pid, const Linux& linux) {
  std::string text = time_offsets_text(linux);
  if (text.empty()) return {};
  return write_kernel_file_at(proc, cat(pid, "/timens_offsets"), text);
}

}  // namespace shoji
