#include "cgroups/device_program.h"

#include <cstddef>
#include <ranges>

namespace shoji {
namespace {

// The argument of the program is a struct bpf_cgroup_dev_ctx in r1. These hold what was read from it.
constexpr uint8_t kContext = BPF_REG_1;
constexpr uint8_t kType = BPF_REG_2;
constexpr uint8_t kOpen = BPF_REG_3;  // access that no rule has decided yet
constexpr uint8_t kMajor = BPF_REG_4;
constexpr uint8_t kMinor = BPF_REG_5;
constexpr uint8_t kDevice = BPF_REG_6;  // both, as the kernel's own dev_t: 12 bits and 20 bits
constexpr uint8_t kScratch = BPF_REG_7;
constexpr int64_t kMaxMajor = (1 << 12) - 1;
constexpr int64_t kMinorBits = 20;
constexpr int64_t kMaxMinor = (1 << kMinorBits) - 1;

class Assembler {
 public:
  // Places that are jumped to before they are known.
  struct Label {
    std::vector<size_t> jumps;
  };

  void load(uint8_t to, size_t offset) {
    emit(BPF_LDX | BPF_W | BPF_MEM, to, kContext, static_cast<int16_t>(offset), 0);
  }
  void alu(uint8_t operation, uint8_t to, int32_t value) {
    emit(BPF_ALU | operation | BPF_K, to, 0, 0, value);
  }
  void alu_with(uint8_t operation, uint8_t to, uint8_t from) {
    emit(BPF_ALU | operation | BPF_X, to, from, 0, 0);
  }
  void leave_with(int32_t verdict) {
    emit(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, verdict);
    emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  }
  // 32-bit comparison (BPF_JMP32): device numbers use the sign bit.
  void jump_if(uint8_t comparison, uint8_t reg, int64_t value, Label& label) {
    label.jumps.push_back(code_.size());
    emit(BPF_JMP32 | comparison | BPF_K, reg, 0, 0, static_cast<int32_t>(value));
  }
  void place(const Label& label) {
    for (size_t from : label.jumps) code_[from].off = static_cast<int16_t>(code_.size() - from - 1);
  }
  std::vector<bpf_insn> take() { return std::move(code_); }

 private:
  void emit(int code, uint8_t to, uint8_t from, int16_t offset, int32_t value) {
    code_.push_back({.code = static_cast<uint8_t>(code),
                     .dst_reg = static_cast<uint8_t>(to & 15u),
                     .src_reg = static_cast<uint8_t>(from & 15u),
                     .off = offset,
                     .imm = value});
  }
  std::vector<bpf_insn> code_;
};

using Label = Assembler::Label;

// What of the device a rule looks at: one comparison, or none.
struct Question {
  uint8_t reg = 0;
  int64_t value = 0;
  bool any = false;
};

Question question_of(const DevicePermission& rule) {
  if (rule.major != kAnyNumber && rule.minor != kAnyNumber) {
    return {.reg = kDevice, .value = (rule.major << kMinorBits) | rule.minor};
  }
  if (rule.major != kAnyNumber) return {.reg = kMajor, .value = rule.major};
  if (rule.minor != kAnyNumber) return {.reg = kMinor, .value = rule.minor};
  return {.any = true};
}

void add_rule(Assembler& as, const DevicePermission& rule, Label& allow, Label& deny) {
  Question question = question_of(rule);
  if (rule.access == kDeviceAll && !question.any) {
    as.jump_if(BPF_JEQ, question.reg, question.value, rule.allow ? allow : deny);
    return;
  }
  Label next;
  if (!question.any) as.jump_if(BPF_JNE, question.reg, question.value, next);
  if (rule.allow) {
    as.alu(BPF_AND, kOpen, ~static_cast<int32_t>(rule.access) & kDeviceAll);
    as.jump_if(BPF_JEQ, kOpen, 0, allow);
  } else {
    as.alu_with(BPF_MOV, kScratch, kOpen);
    as.alu(BPF_AND, kScratch, rule.access);
    as.jump_if(BPF_JNE, kScratch, 0, deny);
  }
  as.place(next);
}

// The rules for one type of device. The last rule has the say, so it is asked first.
void add_section(Assembler& as, const std::vector<DevicePermission>& rules, char type) {
  Label allow, deny;
  bool fallback = false;
  for (const DevicePermission& rule : rules | std::views::reverse) {
    if (rule.type != 'a' && rule.type != type) continue;
    if (rule.major > kMaxMajor || rule.minor > kMaxMinor) continue;  // no device has such a number
    // A rule about everything ends it: the verifier refuses instructions that cannot be reached.
    bool everything = question_of(rule).any && rule.access == kDeviceAll;
    if (everything) {
      fallback = rule.allow;
      break;
    }
    add_rule(as, rule, allow, deny);
  }
  // The verdict that no rule made comes first; the other one is needed only if something jumps there.
  Label& same = fallback ? allow : deny;
  Label& other = fallback ? deny : allow;
  as.place(same);
  as.leave_with(fallback ? 1 : 0);
  if (other.jumps.empty()) return;
  as.place(other);
  as.leave_with(fallback ? 0 : 1);
}

}  // namespace

// One comparison per rule and a jump out of the line only for a match: the verifier follows the straight line once,
// and the time that loading takes grows with the number of rules and not with its square.
std::vector<bpf_insn> device_program(const std::vector<DevicePermission>& rules) {
  Assembler as;
  // access_type is (access << 16) | type.
  as.load(kType, offsetof(bpf_cgroup_dev_ctx, access_type));
  as.alu_with(BPF_MOV, kOpen, kType);
  as.alu(BPF_AND, kType, 0xffff);
  as.alu(BPF_RSH, kOpen, 16);
  as.load(kMajor, offsetof(bpf_cgroup_dev_ctx, major));
  as.load(kMinor, offsetof(bpf_cgroup_dev_ctx, minor));
  as.alu_with(BPF_MOV, kDevice, kMajor);
  as.alu(BPF_LSH, kDevice, kMinorBits);
  as.alu_with(BPF_OR, kDevice, kMinor);
  Label block;
  as.jump_if(BPF_JEQ, kType, BPF_DEVCG_DEV_BLOCK, block);
  add_section(as, rules, 'c');
  as.place(block);
  add_section(as, rules, 'b');
  return as.take();
}

}  // namespace shoji
