#pragma once
// The upper and work directories of a root, and frozen uppers: how they are made, become layers, and go.
#include "images/roots/root_dir.h"

namespace shoji::images {

Result<> make_upper(const RootDir& dir);
// Throws away what is in the upper.
Result<> replace_upper(const Store& store, const RootDir& dir);

// The facts of a locked root, after what a killed verb left half done is finished or undone. kState for a root whose
// removal began.
Result<RootFacts> settle(const Store& store, const RootDir& dir);

// A new name for a frozen upper; `limited`: on the root's own disk.
Result<std::string> new_frozen_id(bool limited);
// Makes frozen/ID, with `root` as its only user and nothing in it.
Result<> make_frozen(const Store& store, const std::string& root, const std::string& id);
// The upper becomes frozen/ID/tree, which is there, and a new upper takes its place. Not while it is mounted.
Result<> freeze_upper(const Store& store, const RootDir& dir, const std::string& id);
Result<> add_user(const Store& store, const std::string& root, const std::string& id);
// The last user's leaving removes it. Absent is fine.
Result<> drop_user(const Store& store, const std::string& root, const std::string& id);
// Leaves every shared frozen upper: for a root that has no facts.
Result<> drop_user_everywhere(const Store& store, const std::string& root);

}  // namespace shoji::images
