// snapshot, snapshots and rollback of roots.
#include <ctime>

#include "cli/human.h"
#include "cli/operator/open_store.h"
#include "cli/operator/verbs.h"
#include "cli/table.h"
#include "images/roots/root.h"

namespace shoji::cli::op {

namespace {

struct SnapshotOptions {
  bool remove = false;
};
constexpr Option kSnapshotOptions[] = {
    option<&SnapshotOptions::remove>("delete", 'd', "forget the snapshot"),
};

Result<int> snapshot(const Globals& globals, SnapshotOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kWrite));
  if (options.remove) {
    TRY(images::remove_snapshot(store, arguments[0], arguments[1]));
  } else {
    TRY(images::snapshot_root(store, arguments[0], arguments[1]));
  }
  return kExitOk;
}

Result<int> rollback(const Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kWrite));
  TRY(images::rollback_root(store, arguments[0], arguments[1]));
  return kExitOk;
}

Field name_of(const images::Snapshot& snapshot) {
  return {snapshot.name};
}
Field created_of(const images::Snapshot& snapshot) {
  return {utc_time(snapshot.created), cat(human_age(time(nullptr) - snapshot.created), " ago")};
}
constexpr Column kColumns[] = {
    column<name_of>("name", "name"),
    column<created_of>("created", "when"),
};
struct SnapshotsOptions : ListOptions {
  [[nodiscard]] Result<> check(const Arguments& /*arguments*/) const { return check_list(kColumns); }
};
constexpr auto kSnapshotsOptions = list_options<SnapshotsOptions>(std::array<Option, 0>{});

Result<int> snapshots(const Globals& globals, SnapshotsOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kRead));
  TRY_ASSIGN(images::Root root, images::find_root(store, arguments[0]));
  TRY(print(listing(kColumns, options, root.snapshots)));
  return kExitOk;
}

}  // namespace

constinit const Verb snapshot_verb = {
    .name = "snapshot",
    .arguments = "<root> <snapshot>",
    .summary = "keep a root as it is now, under a name",
    .options = kSnapshotOptions,
    .min_arguments = 2,
    .max_arguments = 2,
    .names_subject = true,
    .candidates = kRootNames,
    .run = parse_and_run<SnapshotOptions, snapshot>,
};

constinit const Verb snapshots_verb = {
    .name = "snapshots",
    .arguments = "<root>",
    .summary = "list the snapshots of a root, oldest first",
    .description = "   Fields: name, created.",
    .options = kSnapshotsOptions,
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kRootNames,
    .run = parse_and_run<SnapshotsOptions, snapshots>,
};

constinit const Verb rollback_verb = {
    .name = "rollback",
    .arguments = "<root> <snapshot>",
    .summary = "make a root what it was at a snapshot; what came later is gone",
    .min_arguments = 2,
    .max_arguments = 2,
    .names_subject = true,
    .candidates = kRootNames,
    .run = parse_and_run<NoOptions, rollback>,
};

}  // namespace shoji::cli::op
