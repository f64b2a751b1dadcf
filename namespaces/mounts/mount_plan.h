#pragma once
// The mounts of the configuration as steps (config.md "Mounts", mount_setattr(2), fsopen(2)). The order of
// the configuration is kept: a later mount may cover or lie inside an earlier one.
//
// Only stat(2) of sources and of mount points in the image is asked of the host; nothing is changed.
#include "base/error.h"
#include "base/step_list.h"
#include "namespaces/mounts/mount_facts.h"
#include "namespaces/mounts/mount_steps.h"
#include "spec/spec.h"

namespace shoji {

// Steps for spec.mounts below the open root. Errors name the mount as the user wrote it.
Result<> plan_mounts(const Spec& spec, const MountFacts& facts, StepList& list, MountPlan& plan);

// The read-only remounts that had to wait for devices, symlinks and the console in /dev and in tmpfs.
void plan_late_read_only(const MountPlan& plan, StepList& list);

}  // namespace shoji
