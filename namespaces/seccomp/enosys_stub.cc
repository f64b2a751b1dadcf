#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <vector>

#include "namespaces/seccomp/filter.h"

namespace shoji {
namespace {

constexpr uint32_t kX32Bit = 0x40000000;  // __X32_SYSCALL_BIT: x32 shares its token with x86_64

struct Highest {
  uint32_t token;       // as the kernel reports it
  int plain = -1;       // highest call without the x32 bit, -1: none
  int x32 = -1;
};

bool allows(const std::string& action) { return action == "SCMP_ACT_ALLOW" || action == "SCMP_ACT_LOG"; }

std::vector<uint32_t> tokens_of(const Seccomp& seccomp) {
  std::vector<uint32_t> tokens{seccomp_arch_native()};
  for (const std::string& name : seccomp.architectures) {
    auto token = seccomp_arch(name);
    if (token && std::find(tokens.begin(), tokens.end(), *token) == tokens.end()) tokens.push_back(*token);
  }
  return tokens;
}

int highest_call(const Seccomp& seccomp, uint32_t token) {
  int highest = -1;
  for (const SeccompSyscall& rule : seccomp.syscalls) {
    for (const std::string& name : rule.names)
      highest = std::max(highest, seccomp_syscall_resolve_name_arch(token, name.c_str()));
  }
  return highest;
}

std::vector<Highest> collect(const Seccomp& seccomp) {
  std::vector<Highest> out;
  for (uint32_t token : tokens_of(seccomp)) {
    bool x32 = token == SCMP_ARCH_X32;
    uint32_t seen_by_kernel = x32 ? static_cast<uint32_t>(SCMP_ARCH_X86_64) : token;
    auto at = std::find_if(out.begin(), out.end(), [&](const Highest& h) { return h.token == seen_by_kernel; });
    if (at == out.end()) at = out.insert(out.end(), Highest{seen_by_kernel});
    (x32 ? at->x32 : at->plain) = highest_call(seccomp, token);
  }
  return out;
}

sock_filter statement(uint16_t code, uint32_t k) { return sock_filter{code, 0, 0, k}; }
sock_filter jump(uint16_t code, uint32_t k, uint8_t yes, uint8_t no) { return sock_filter{code, yes, no, k}; }

// For one architecture, entered with the token in A; leaves to the next architecture or to the end. With the call
// number loaded: the x32 half and the plain half each compare with their highest.
std::vector<sock_filter> block(const Highest& highest) {
  std::vector<sock_filter> body{statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  constexpr uint16_t kGreater = BPF_JMP | BPF_JGT | BPF_K;
  constexpr uint16_t kAtLeast = BPF_JMP | BPF_JGE | BPF_K;
  sock_filter enosys = statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
  // A half without a known call is left to the filter.
  auto limit = [](int highest_number) { return highest_number < 0 ? 0xffffffffU : static_cast<uint32_t>(highest_number); };
  if (highest.token == SCMP_ARCH_X86_64) {
    body.push_back(jump(kAtLeast, kX32Bit, 0, 1));                    // x32: next; plain: skip one
    body.push_back(jump(kGreater, limit(highest.x32), 1, 2));         // above: enosys; else past it
    body.push_back(jump(kGreater, limit(highest.plain), 0, 1));
  } else {
    body.push_back(jump(kGreater, limit(highest.plain), 0, 1));
  }
  body.push_back(enosys);
  return body;
}

}  // namespace

std::string enosys_stub(const Seccomp& seccomp) {
  if (allows(seccomp.default_action)) return {};
  std::vector<sock_filter> program;
  std::vector<Highest> all = collect(seccomp);
  for (const Highest& highest : all) {
    if (highest.plain < 0 && highest.x32 < 0) continue;
    std::vector<sock_filter> body = block(highest);
    program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
    program.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, highest.token, 0, static_cast<uint8_t>(body.size())));
    program.insert(program.end(), body.begin(), body.end());
  }
  return std::string(reinterpret_cast<const char*>(program.data()), program.size() * sizeof(sock_filter));
}

}  // namespace shoji
