#include "base/step_list.h"

#include <cstring>

namespace shoji {
namespace {
constexpr uint64_t kNumberTag = 1ULL << 63;  // marks a vector element that is a number, not a string offset

bool is_number(uint64_t element) {
  return (element & kNumberTag) != 0;
}
}  // namespace

// Offset 0 means "none", so that the pool starts with a byte nobody refers to.
StepList::StepList() : strings_(1, '\0'), vectors_(1, 0) {}

Step& StepList::add(StepKind kind) {
  steps_.push_back(Step{});
  steps_.back().kind = kind;
  return steps_.back();
}

int32_t StepList::slot(int fd) {
  slots_.push_back(fd);
  return static_cast<int32_t>(slots_.size() - 1);
}

uint32_t StepList::store(std::string_view text) {
  auto offset = static_cast<uint32_t>(strings_.size());
  strings_.append(text);
  strings_.push_back('\0');
  return offset;
}

void StepList::s0(Step& step, std::string_view text) {
  step.s0 = store(text);
  step.s0_len = static_cast<uint32_t>(text.size());
}

void StepList::s1(Step& step, std::string_view text) {
  step.s1 = store(text);
  step.s1_len = static_cast<uint32_t>(text.size());
}

uint32_t StepList::store_list(std::span<const std::string> strings) {
  auto index = static_cast<uint32_t>(vectors_.size());
  for (const auto& text : strings) vectors_.push_back(store(text));
  vectors_.push_back(0);  // execve's lists end with a null pointer
  return index;
}

void StepList::v0(Step& step, std::span<const std::string> strings) {
  step.v0 = store_list(strings);
  step.v0_len = static_cast<uint32_t>(strings.size());
}

void StepList::v1(Step& step, std::span<const std::string> strings) {
  step.v1 = store_list(strings);
  step.v1_len = static_cast<uint32_t>(strings.size());
}

void StepList::v0_numbers(Step& step, std::span<const uint32_t> numbers) {
  step.v0 = static_cast<uint32_t>(vectors_.size());
  step.v0_len = static_cast<uint32_t>(numbers.size());
  for (uint32_t number : numbers) vectors_.push_back(number | kNumberTag);
}

std::string_view StepList::text0(const Step& step) const {
  return std::string_view(strings_).substr(step.s0, step.s0_len);
}

std::string_view StepList::text1(const Step& step) const {
  return std::string_view(strings_).substr(step.s1, step.s1_len);
}

std::vector<std::string_view> StepList::list(uint32_t offset, uint32_t count) const {
  std::vector<std::string_view> out;
  for (uint32_t i = 0; i < count; ++i) out.emplace_back(strings_.c_str() + vectors_[offset + i]);
  return out;
}

std::vector<std::string_view> StepList::list0(const Step& step) const {
  return list(step.v0, step.v0_len);
}
std::vector<std::string_view> StepList::list1(const Step& step) const {
  return list(step.v1, step.v1_len);
}

// Layout: header | steps | vectors | slots | strings. Offsets of "none" (0) stay 0.
std::string StepList::blob(int socket, int proc) const {
  PlanHeader header;
  header.socket = socket;
  header.proc = proc;
  header.step_count = static_cast<uint32_t>(steps_.size());
  header.slot_count = static_cast<uint32_t>(slots_.size());
  header.steps = sizeof(PlanHeader);
  auto vectors_at = static_cast<uint32_t>(header.steps + steps_.size() * sizeof(Step));
  header.slots = static_cast<uint32_t>(vectors_at + vectors_.size() * sizeof(uint64_t));
  auto strings_at = static_cast<uint32_t>(header.slots + slots_.size() * sizeof(int32_t));
  header.size = static_cast<uint32_t>(strings_at + strings_.size());

  std::string out(header.size, '\0');
  auto put = [&out](uint32_t at, const void* from, size_t size) {
    if (size != 0) memcpy(out.data() + at, from, size);
  };
  put(0, &header, sizeof header);
  uint32_t at = header.steps;
  for (Step step : steps_) {
    for (uint32_t* offset : {&step.s0, &step.s1})
      if (*offset != 0) *offset += strings_at;
    for (uint32_t* offset : {&step.v0, &step.v1})
      if (*offset != 0) *offset = vectors_at + *offset * static_cast<uint32_t>(sizeof(uint64_t));
    put(at, &step, sizeof step);
    at += sizeof step;
  }
  at = vectors_at;
  for (uint64_t element : vectors_) {
    if (is_number(element)) {
      element &= ~kNumberTag;
    } else if (element != 0) {
      element += strings_at;
    }
    put(at, &element, sizeof element);
    at += sizeof element;
  }
  put(header.slots, slots_.data(), slots_.size() * sizeof(int32_t));
  put(strings_at, strings_.data(), strings_.size());
  return out;
}

}  // namespace shoji
