#pragma once
// Collects steps and lays them out as the blob that the walker maps (base/step.h).
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/step.h"

namespace shoji {

class StepList {
 public:
  StepList();

  // Appends a step and returns it for the caller to fill. The reference dies with the next add().
  Step& add(StepKind kind);

  // A descriptor slot. `fd` is a number valid in the child, or -1 when a step fills it.
  int32_t slot(int fd = -1);
  void set_slot(int32_t index, int fd) { slots_[static_cast<size_t>(index)] = fd; }
  [[nodiscard]] const std::vector<int32_t>& slots() const { return slots_; }

  // Strings are stored NUL-terminated; the setters fill offset and length.
  void s0(Step& step, std::string_view text);
  void s1(Step& step, std::string_view text);
  void v0(Step& step, std::span<const std::string> strings);
  void v1(Step& step, std::span<const std::string> strings);
  void v0_numbers(Step& step, std::span<const uint32_t> numbers);

  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }
  // A step to be changed; the reference dies with the next add().
  [[nodiscard]] Step& at(size_t index) { return steps_[index]; }
  [[nodiscard]] std::string_view text0(const Step& step) const;
  [[nodiscard]] std::string_view text1(const Step& step) const;
  [[nodiscard]] std::vector<std::string_view> list0(const Step& step) const;
  [[nodiscard]] std::vector<std::string_view> list1(const Step& step) const;

  // The finished blob. `socket` and `proc` are descriptor numbers in the child.
  [[nodiscard]] std::string blob(int socket, int proc) const;

 private:
  uint32_t store(std::string_view text);
  uint32_t store_list(std::span<const std::string> strings);
  [[nodiscard]] std::vector<std::string_view> list(uint32_t offset, uint32_t count) const;

  std::vector<Step> steps_;
  std::vector<int32_t> slots_;
  std::string strings_;            // offsets are relative to this pool until blob()
  std::vector<uint64_t> vectors_;  // string offsets relative to strings_, or numbers; index + 1 is the handle
};

}  // namespace shoji
