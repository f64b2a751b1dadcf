#include "namespaces/seccomp/enosys_stub.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <vector>

namespace shoji {
namespace {

constexpr uint32_t kX32Bit = 0x40000000;  // __X32_SYSCALL_BIT: x32 calls share x86_64's audit number
constexpr std::string_view kPrefix = "SCMP_ARCH_";

// The greatest system call numbers that a profile names for one AUDIT_ARCH_*; -1: none.
struct Section {
  uint32_t audit_arch = 0;
  int last = -1;
  int last_x32 = -1;
};

using Code = std::vector<sock_filter>;

// Actions under which unknown system calls reach the kernel or a tracer, who know to say ENOSYS.
bool lets_through(std::string_view action) {
  return action == "SCMP_ACT_ALLOW" || action == "SCMP_ACT_LOG" || action == "SCMP_ACT_TRACE";
}

int last_syscall(const Seccomp& profile, uint32_t token) {
  int last = -1;
  for (const SeccompSyscall& rule : profile.syscalls)
    for (const std::string& name : rule.names)
      last = std::max(last, seccomp_syscall_resolve_name_arch(token, name.c_str()));
  return last;
}

// libseccomp's tokens are AUDIT_ARCH_* numbers, but for x32, which only libseccomp tells apart.
Result<std::vector<Section>> find_sections(const Seccomp& profile) {
  std::vector<uint32_t> tokens;
  for (const std::string& name : profile.architectures) {
    TRY_ASSIGN(uint32_t token, seccomp_architecture(name));
    tokens.push_back(token);
  }
  if (tokens.empty()) tokens.push_back(seccomp_arch_native());  // what libseccomp filters then
  std::vector<Section> sections;
  for (uint32_t token : tokens) {
    const bool x32 = token == SCMP_ARCH_X32;
    const uint32_t audit_arch = x32 ? static_cast<uint32_t>(SCMP_ARCH_X86_64) : token;
    auto section = std::ranges::find(sections, audit_arch, &Section::audit_arch);
    if (section == sections.end())
      section = sections.insert(sections.end(), Section{.audit_arch = audit_arch});
    (x32 ? section->last_x32 : section->last) = last_syscall(profile, token);
  }
  return sections;
}

sock_filter statement(unsigned code, uint32_t k) {
  return {static_cast<uint16_t>(code), 0, 0, k};
}
sock_filter jump(unsigned code, uint32_t k, uint8_t yes, uint8_t no) {
  return {static_cast<uint16_t>(code), yes, no, k};
}

sock_filter load(size_t offset) {
  return statement(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset));
}

// if (number > last) return ENOSYS; else go on behind this part
void add_limit(Code& code, int last) {
  if (last < 0) return;
  code.push_back(jump(BPF_JMP | BPF_JGT | BPF_K, static_cast<uint32_t>(last), 0, 1));
  code.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
}

// What runs once the architecture is known. It ends by falling out behind its last instruction.
Code section_code(const Section& section) {
  Code code = {load(offsetof(seccomp_data, nr))};
  if (section.audit_arch != SCMP_ARCH_X86_64) {
    // s390: a multiplexed call that the kernel does not know arrives as number 0, setup(2), which nobody uses.
    if (section.audit_arch == SCMP_ARCH_S390 || section.audit_arch == SCMP_ARCH_S390X) {
      code.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1));
      code.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
    }
    add_limit(code, section.last);
    return code;
  }
  Code native;
  add_limit(native, section.last);
  Code x32;
  add_limit(x32, section.last_x32);
  if (!x32.empty()) native.push_back(statement(BPF_JMP | BPF_JA, static_cast<uint32_t>(x32.size())));
  code.push_back(jump(BPF_JMP | BPF_JSET | BPF_K, kX32Bit, static_cast<uint8_t>(native.size()), 0));
  code.insert(code.end(), native.begin(), native.end());
  code.insert(code.end(), x32.begin(), x32.end());
  return code;
}

}  // namespace

Result<uint32_t> seccomp_architecture(std::string_view name) {
  std::string word(name);
  if (word.starts_with(kPrefix)) word.erase(0, kPrefix.size());
  for (char& c : word)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const uint32_t token = seccomp_arch_resolve_name(word.c_str());
  if (token == 0) return fail(Kind::kInvalid, cat("seccomp architecture ", quote(name), " is not known"));
  return token == SCMP_ARCH_NATIVE ? seccomp_arch_native() : token;
}

Result<std::string> enosys_stub(const Seccomp& profile) {
  if (lets_through(profile.default_action)) return std::string();
  if (profile.default_errno_ret == static_cast<uint32_t>(ENOSYS)) return std::string();
  TRY_ASSIGN(std::vector<Section> sections, find_sections(profile));

  // Built from the end, so that every section knows how far the filter is.
  Code code;
  for (size_t i = sections.size(); i-- > 0;) {
    if (sections[i].last < 0 && sections[i].last_x32 < 0) continue;
    Code section = section_code(sections[i]);
    section.push_back(statement(BPF_JMP | BPF_JA, static_cast<uint32_t>(code.size())));
    section.insert(section.begin(), jump(BPF_JMP | BPF_JEQ | BPF_K, sections[i].audit_arch, 0,
                                         static_cast<uint8_t>(section.size())));
    code.insert(code.begin(), section.begin(), section.end());
  }
  if (code.empty()) return std::string();
  code.insert(code.begin(), load(offsetof(seccomp_data, arch)));
  return std::string(reinterpret_cast<const char*>(code.data()), code.size() * sizeof(sock_filter));
}

}  // namespace shoji
