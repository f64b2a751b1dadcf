#pragma once
// Mounts of type "cgroup" and "cgroup2": what the container sees of the control groups (cgroups(7)).
#include "base/error.h"
#include "base/step_list.h"
#include "namespaces/mounts/mount_facts.h"
#include "namespaces/mounts/mount_steps.h"
#include "spec/mount_options.h"
#include "spec/spec.h"

namespace shoji {

// On a v2 host, or for type "cgroup2": the unified tree. Else a tmpfs with one directory per hierarchy and
// symlinks for controllers that share one, as runc lays them out. In an own cgroup namespace these are new
// mounts, which show the container's cgroup as the root; without one they are binds of the container's own
// cgroup directories.
Result<> plan_cgroup_mount(const Mount& mount, const ParsedMountOptions& options, const MountFacts& facts,
                           StepList& list, MountPlan& plan);

}  // namespace shoji
