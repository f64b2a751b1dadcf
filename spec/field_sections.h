#pragma once
// The readers of the sections of config.json, one file each.
#include "spec/field_table.h"
#include "spec/spec.h"

namespace shoji {

Result<> read(Json value, IdMapping& out);  // fields_linux.cc
Result<> read(Json value, Linux& out);
Result<> read(Json value, Process& out);    // fields_process.cc
Result<> read(Json value, Resources& out);  // fields_resources.cc
Result<> read(Json value, Seccomp& out);    // fields_seccomp.cc

// The tables themselves, from which `features` follows.
std::span<const field_table::Row> hook_rows();   // fields.cc
std::span<const field_table::Row> linux_rows();  // fields_linux.cc

}  // namespace shoji
