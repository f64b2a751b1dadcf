#pragma once
// Every verb of shoji, each defined in the file of its name.
#include "cli/operator/handed_over.h"
#include "cli/operator/program.h"

namespace shoji::cli::op {

extern const Verb completion_verb, du_verb, history_verb, image_diff_verb, image_ls_verb, image_mount_verb,
    image_rm_verb, image_umount_verb, images_verb, inspect_verb, prune_verb, rmi_verb, tag_verb, unify_verb;
extern const Verb clone_verb, rollback_verb, root_create_verb, root_diff_verb, root_inspect_verb,
    root_ls_verb, root_mount_verb, root_quota_verb, root_rm_verb, root_umount_verb, snapshot_verb,
    snapshots_verb;
// Partitions, in partition/.
extern const Verb create_verb, exec_verb, keeper_verb, kill_verb, logs_verb, pause_verb, ps_verb,
    restart_verb, resume_verb, rm_verb, run_verb, settle_verb, start_verb, stop_verb, wait_verb;

std::span<const Verb* const> operator_verbs();

}  // namespace shoji::cli::op
