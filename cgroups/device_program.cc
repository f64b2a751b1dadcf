#include "cgroups/device_program.h"

#include <cstddef>

namespace shoji {
namespace {

// The argument of the program is a struct bpf_cgroup_dev_ctx in r1. These hold what was read from it.
constexpr uint8_t kContext = BPF_REG_1;
constexpr uint8_t kType = BPF_REG_2;
constexpr uint8_t kOpen = BPF_REG_3;  // access that no rule has decided yet
constexpr uint8_t kMajor = BPF_REG_4;
constexpr uint8_t kMinor = BPF_REG_5;
constexpr uint8_t kScratch = BPF_REG_6;

class Assembler {
 public:
  void load(uint8_t to, size_t offset) {
    emit(BPF_LDX | BPF_W | BPF_MEM, to, kContext, static_cast<int16_t>(offset), 0);
  }
  void alu(uint8_t operation, uint8_t to, int32_t value) {
    emit(BPF_ALU | operation | BPF_K, to, 0, 0, value);
  }
  void move(uint8_t to, uint8_t from) { emit(BPF_ALU | BPF_MOV | BPF_X, to, from, 0, 0); }
  void leave_with(int32_t verdict) {
    emit(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, verdict);
    emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  }
  // A jump to where land() is called next. 32-bit comparison (BPF_JMP32): device numbers use the sign bit.
  void jump_if(uint8_t comparison, uint8_t reg, uint32_t value) {
    pending_.push_back(code_.size());
    emit(BPF_JMP32 | comparison | BPF_K, reg, 0, 0, static_cast<int32_t>(value));
  }
  void land() {
    for (size_t from : pending_) code_[from].off = static_cast<int16_t>(code_.size() - from - 1);
    pending_.clear();
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
  std::vector<size_t> pending_;
};

void add_rule(Assembler& as, const DevicePermission& rule) {
  if (rule.type != 'a')
    as.jump_if(BPF_JNE, kType, rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
  if (rule.major != kAnyNumber) as.jump_if(BPF_JNE, kMajor, static_cast<uint32_t>(rule.major));
  if (rule.minor != kAnyNumber) as.jump_if(BPF_JNE, kMinor, static_cast<uint32_t>(rule.minor));
  if (rule.access == kDeviceAll) {
    as.leave_with(rule.allow ? 1 : 0);
  } else if (rule.allow) {
    as.alu(BPF_AND, kOpen, ~static_cast<int32_t>(rule.access) & kDeviceAll);
    as.jump_if(BPF_JNE, kOpen, 0);
    as.leave_with(1);
  } else {
    as.move(kScratch, kOpen);
    as.alu(BPF_AND, kScratch, rule.access);
    as.jump_if(BPF_JEQ, kScratch, 0);
    as.leave_with(0);
  }
  as.land();
}

}  // namespace

std::vector<bpf_insn> device_program(const std::vector<DevicePermission>& rules) {
  Assembler as;
  // access_type is (access << 16) | type.
  as.load(kType, offsetof(bpf_cgroup_dev_ctx, access_type));
  as.move(kOpen, kType);
  as.alu(BPF_AND, kType, 0xffff);
  as.alu(BPF_RSH, kOpen, 16);
  as.load(kMajor, offsetof(bpf_cgroup_dev_ctx, major));
  as.load(kMinor, offsetof(bpf_cgroup_dev_ctx, minor));
  // The last rule has the say, so it is asked first.
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    add_rule(as, *rule);
    // A rule about everything ends it: the verifier refuses instructions that cannot be reached.
    if (rule->type == 'a') return as.take();
  }
  as.leave_with(0);
  return as.take();
}

}  // namespace shoji
