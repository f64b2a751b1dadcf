#pragma once
// Mounts of new filesystems: fsopen(2), with what the kernel refuses in user namespaces replaced by the
// host's own.
#include "base/error.h"
#include "base/step_list.h"
#include "namespaces/mounts/mount_item.h"
#include "namespaces/mounts/mount_steps.h"

namespace shoji {

Result<> plan_new_filesystem(const MountItem& item, StepList& list, MountPlan& plan);

}  // namespace shoji
