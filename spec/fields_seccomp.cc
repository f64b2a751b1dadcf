// The `linux.seccomp` section (config-linux.md, "Seccomp").
#include "spec/field_sections.h"

namespace shoji {

using namespace field_table;

namespace {

constexpr std::string_view kNoNotify = "handing system calls to a supervisor is not supported";

template <auto Member>
Result<> read_action(Json value, void* object) {
  if (value.is_string() && *value.as_string() == "SCMP_ACT_NOTIFY") {
    return fail(Kind::kUnsupported, cat(value.pointer(), ": SCMP_ACT_NOTIFY: ", kNoNotify));
  }
  return read_name(value, seccomp_actions(), MemberOf<Member>::get(object));
}

}  // namespace

Result<> read(Json value, SeccompArg& out) {
  static constexpr Row kRows[] = {
      field<&SeccompArg::index>("index", kRequired),
      field<&SeccompArg::value>("value", kRequired),
      field<&SeccompArg::value_two>("valueTwo"),
      name_field<&SeccompArg::op, seccomp_operators>("op", kRequired),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, SeccompSyscall& out) {
  static constexpr Row kRows[] = {
      field<&SeccompSyscall::names>("names", kRequired),
      Row{"action", read_action<&SeccompSyscall::action>, true},
      field<&SeccompSyscall::errno_ret>("errnoRet"),
      field<&SeccompSyscall::args>("args"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, Seccomp& out) {
  static constexpr Row kRows[] = {
      Row{"defaultAction", read_action<&Seccomp::default_action>, true},
      field<&Seccomp::default_errno_ret>("defaultErrnoRet"),
      name_field<&Seccomp::architectures, seccomp_architectures>("architectures"),
      name_field<&Seccomp::flags, seccomp_flags>("flags"),
      refused("listenerPath", kNoNotify),
      refused("listenerMetadata", kNoNotify),
      field<&Seccomp::syscalls>("syscalls"),
  };
  out = {};
  TRY(load_object(value, kRows, &out));
  out.source = value.source();
  return {};
}

}  // namespace shoji
