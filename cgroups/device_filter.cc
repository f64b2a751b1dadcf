#include "cgroups/devices.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/io.h"
#include "cgroups/device_program.h"

namespace shoji {
namespace {

constexpr size_t kMaxPrograms = 64;             // BPF_CGROUP_MAX_PROGS
constexpr size_t kMaxInstructions = INT16_MAX;  // what a jump can cross

int bpf(int command, bpf_attr& attributes) {
  return static_cast<int>(syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

uint64_t address(const void* pointer) {
  return reinterpret_cast<uintptr_t>(pointer);
}

Result<UniqueFd> load(const std::vector<bpf_insn>& program) {
  static constexpr char kLicense[] = "Apache-2.0";
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.expected_attach_type = BPF_CGROUP_DEVICE;
  attributes.insns = address(program.data());
  attributes.insn_cnt = static_cast<uint32_t>(program.size());
  attributes.license = address(kLicense);
  int fd = bpf(BPF_PROG_LOAD, attributes);
  if (fd < 0) {
    return std::unexpected(
        Error{Kind::kSystem, errno, cat("limit devices: load the BPF program: ", knob_errno_text(errno))});
  }
  return UniqueFd(fd);
}

// The device programs attached to this very cgroup.
Result<std::vector<UniqueFd>> attached_programs(const Place& place) {
  std::array<uint32_t, kMaxPrograms> ids{};
  bpf_attr query{};
  query.query.target_fd = static_cast<uint32_t>(place.fd.get());
  query.query.attach_type = BPF_CGROUP_DEVICE;
  query.query.prog_ids = address(ids.data());
  query.query.prog_cnt = ids.size();
  if (bpf(BPF_PROG_QUERY, query) != 0) {
    return fail(Kind::kSystem, cat("limit devices: ask for the BPF programs of ", quote(place.dir), ": ",
                                   knob_errno_text(errno)));
  }
  std::vector<UniqueFd> programs;
  for (size_t i = 0; i < query.query.prog_cnt; ++i) {
    bpf_attr by_id{};
    by_id.prog_id = ids[i];
    UniqueFd fd(bpf(BPF_PROG_GET_FD_BY_ID, by_id));
    if (fd) programs.push_back(std::move(fd));
  }
  return programs;
}

// All attached programs must agree to an access, so that none of the old ones may stay; and the new one is in
// force before the old ones go. A single one is exchanged in one step (BPF_F_REPLACE, Linux 5.6).
Result<> attach(const Place& place, const UniqueFd& program, const std::vector<UniqueFd>& old) {
  bpf_attr attributes{};
  attributes.target_fd = static_cast<uint32_t>(place.fd.get());
  attributes.attach_bpf_fd = static_cast<uint32_t>(program.get());
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  if (old.size() == 1) {
    attributes.attach_flags |= BPF_F_REPLACE;
    attributes.replace_bpf_fd = static_cast<uint32_t>(old.front().get());
  }
  if (bpf(BPF_PROG_ATTACH, attributes) != 0) {
    return std::unexpected(Error{
        Kind::kSystem, errno,
        cat("limit devices: attach the BPF program to ", quote(place.dir), ": ", knob_errno_text(errno))});
  }
  return {};
}

Result<> detach(const Place& place, const UniqueFd& program) {
  bpf_attr attributes{};
  attributes.target_fd = static_cast<uint32_t>(place.fd.get());
  attributes.attach_bpf_fd = static_cast<uint32_t>(program.get());
  attributes.attach_type = BPF_CGROUP_DEVICE;
  if (bpf(BPF_PROG_DETACH, attributes) == 0 || errno == ENOENT) return {};
  return fail(Kind::kSystem, cat("limit devices: detach a BPF program from ", quote(place.dir), ": ",
                                 knob_errno_text(errno)));
}

// In a user namespace that is not the first, no program may be loaded; nor can device nodes be made there
// (mknod(2)), and those of the host are guarded by the host's own cgroup.
bool in_initial_user_namespace() {
  auto map = read_file("/proc/self/uid_map");
  if (!map) return true;
  std::string_view text = *map;
  return text.find("4294967295") != std::string_view::npos;
}

}  // namespace

Result<> attach_device_filter(const Place& place, const std::vector<DevicePermission>& rules) {
  std::vector<UniqueFd> old;
  if (!place.fresh) {
    TRY_ASSIGN(old, attached_programs(place));
  }
  if (allows_every_device(rules)) {
    for (const UniqueFd& program : old) TRY(detach(place, program));
    return {};
  }
  std::vector<bpf_insn> instructions = device_program(rules);
  if (instructions.size() > kMaxInstructions) {
    return fail(Kind::kUnsupported,
                cat("limit devices: ", rules.size(), " rules are too many for one BPF program"));
  }
  auto program = load(instructions);
  if (!program) {
    if (program.error().err == EPERM && !in_initial_user_namespace()) return {};
    return std::unexpected(std::move(program).error());
  }
  TRY(attach(place, *program, old));
  if (old.size() > 1) {
    for (const UniqueFd& leftover : old) TRY(detach(place, leftover));
  }
  return {};
}

}  // namespace shoji
