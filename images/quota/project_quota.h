#pragma once
// Project quotas of ext4 and xfs (xfs_quota(8), "project identifier"): every file of a tree carries one number, and the
// filesystem adds up what carries it. quotactl(2)'s Q_X* commands speak to both.
#include "images/quota/quota.h"

namespace shoji::images {

// Project quotas are counted and enforced on the filesystem of the directory at `fd`.
bool project_quota_on(int fd);
// The project of the directory, 0 when it is none of ours.
uint32_t project_of(int fd);

// Gives an empty directory a project of its own and its limits.
Result<> make_project(int fd, const std::string& directory, const QuotaLimits& limits);
Result<> set_project_limits(int fd, const std::string& directory, const QuotaLimits& limits);
Result<QuotaUsage> project_usage(int fd, const std::string& directory);

}  // namespace shoji::images
