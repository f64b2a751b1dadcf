// Huge pages per size. Where the kernel can (5.7), what is reserved is limited as well as what is faulted in,
// so that a process is told at mmap(2) instead of being killed by SIGBUS later.
#include <algorithm>

#include "cgroups/controllers.h"

namespace shoji {
namespace {

// "64KB", "2MB", "1GB": the kernel's names in the knobs.
bool is_page_size(std::string_view size) {
  size_t digits = std::min(size.find_first_not_of("0123456789"), size.size());
  std::string_view unit = size.substr(digits);
  return digits > 0 && (unit == "KB" || unit == "MB" || unit == "GB");
}

Result<> plan(const Resources& resources, KnobWrites& out, std::string_view knob) {
  for (const HugepageLimit& huge : resources.hugepage_limits) {
    if (!is_page_size(huge.page_size)) {
      return fail(Kind::kInvalid, cat("limit hugepageLimits ", quote(huge.page_size),
                                      ": a page size is written like \"2MB\""));
    }
    std::string limit = cat("hugepageLimits ", huge.page_size, ' ', human_bytes(huge.limit));
    out.push_back(
        {.file = cat("hugetlb.", huge.page_size, '.', knob), .text = cat(huge.limit), .limit = limit});
    out.push_back({.file = cat("hugetlb.", huge.page_size, ".rsvd.", knob),
                   .text = cat(huge.limit),
                   .limit = limit,
                   .is_extra = true});
  }
  return {};
}

}  // namespace

Result<> plan_hugetlb_v1(const Resources& resources, KnobWrites& out) {
  return plan(resources, out, "limit_in_bytes");
}
Result<> plan_hugetlb_v2(const Resources& resources, KnobWrites& out) {
  return plan(resources, out, "max");
}

}  // namespace shoji
