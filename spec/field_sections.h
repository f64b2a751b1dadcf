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

}  // namespace shoji
