// The table of verbs: the order is that of the help.
#include "cli/operator/verbs.h"

#include "cli/operator/attachment_verbs.h"
#include "cli/operator/service_verbs.h"
#include "cli/operator/traffic_verbs.h"

namespace shoji::cli::op {

namespace {

constexpr Verb handed_over(Verb verb) {
  verb.run = hand_over;
  return verb;
}
constexpr Verb handed_to_net(Verb verb) {
  verb.run = hand_over_to_net;
  return verb;
}
constexpr Verb kNetworkCreateVerb = handed_to_net(kNetworkCreate), kNetworkLsVerb = handed_to_net(kNetworkLs),
               kNetworkInspectVerb = handed_to_net(kNetworkInspect),
               kNetworkEditVerb = handed_to_net(kNetworkEdit), kNetworkRmVerb = handed_to_net(kNetworkRm),
               kNetworkAttachVerb = handed_to_net(kNetworkAttach),
               kNetworkDetachVerb = handed_to_net(kNetworkDetach),
               kNetworkReleaseVerb = handed_to_net(kNetworkRelease),
               kNetworkSetVerb = handed_to_net(kNetworkSet), kNetworkApplyVerb = handed_to_net(kNetworkApply),
               kNetworkPsVerb = handed_to_net(kNetworkPs), kNetworkPortsVerb = handed_to_net(kNetworkPorts),
               kNetworkLeasesVerb = handed_to_net(kNetworkLeases),
               kNetworkStatsVerb = handed_to_net(kNetworkStats),
               kNetworkQuotaVerb = handed_to_net(kNetworkQuota),
               kNetworkCheckVerb = handed_to_net(kNetworkCheck);
constexpr const Verb* kNetworkVerbs[] = {
    &kNetworkCreateVerb, &kNetworkLsVerb,     &kNetworkInspectVerb, &kNetworkEditVerb,
    &kNetworkRmVerb,     &kNetworkAttachVerb, &kNetworkDetachVerb,  &kNetworkReleaseVerb,
    &kNetworkSetVerb,    &kNetworkApplyVerb,  &kNetworkPsVerb,      &kNetworkPortsVerb,
    &kNetworkLeasesVerb, &kNetworkStatsVerb,  &kNetworkQuotaVerb,   &kNetworkCheckVerb,
};
constexpr Verb kNetwork = {
    .name = "network", .summary = "make networks, and attach partitions to them", .verbs = kNetworkVerbs};

constexpr Verb kServiceCreateVerb = handed_to_net(kServiceCreate), kServiceLsVerb = handed_to_net(kServiceLs),
               kServiceInspectVerb = handed_to_net(kServiceInspect),
               kServiceEditVerb = handed_to_net(kServiceEdit), kServiceRmVerb = handed_to_net(kServiceRm),
               kServiceAddVerb = handed_to_net(kServiceAdd), kServiceDrainVerb = handed_to_net(kServiceDrain),
               kServiceRemoveVerb = handed_to_net(kServiceRemove),
               kServiceWeightVerb = handed_to_net(kServiceWeight),
               kServiceHealthVerb = handed_to_net(kServiceHealth);
constexpr const Verb* kServiceVerbs[] = {
    &kServiceCreateVerb, &kServiceLsVerb,    &kServiceInspectVerb, &kServiceEditVerb,   &kServiceRmVerb,
    &kServiceAddVerb,    &kServiceDrainVerb, &kServiceRemoveVerb,  &kServiceWeightVerb, &kServiceHealthVerb,
};
constexpr Verb kService = {
    .name = "service", .summary = "spread ports of the host over members", .verbs = kServiceVerbs};

constexpr Verb kPullVerb = handed_over(kPull), kPushVerb = handed_over(kPush),
               kLoginVerb = handed_over(kLogin), kLogoutVerb = handed_over(kLogout),
               kLoadVerb = handed_over(kLoad), kSaveVerb = handed_over(kSave),
               kImportVerb = handed_over(kImport), kPrepareVerb = handed_over(kPrepare),
               kVerifyVerb = handed_over(kVerify), kCommitVerb = handed_over(kCommit),
               kTemplateBuildVerb = handed_over(kTemplateBuild), kTemplateLsVerb = handed_over(kTemplateLs),
               kTemplateShowVerb = handed_over(kTemplateShow);

constexpr const Verb* kImageVerbs[] = {
    &image_ls_verb,     &image_rm_verb,   &prune_verb,   &du_verb,      &image_mount_verb,
    &image_umount_verb, &image_diff_verb, &inspect_verb, &history_verb, &tag_verb,
    &unify_verb,        &kImportVerb,     &kVerifyVerb,  &kPrepareVerb,
};
constexpr Verb kImage = {
    .name = "image", .summary = "list, remove, mount, compare and check images", .verbs = kImageVerbs};

constexpr const Verb* kRootVerbs[] = {
    &root_create_verb, &root_ls_verb,    &root_inspect_verb, &root_rm_verb,  &root_mount_verb,
    &root_umount_verb, &root_quota_verb, &clone_verb,        &snapshot_verb, &snapshots_verb,
    &rollback_verb,    &root_diff_verb,  &kCommitVerb,
};
constexpr Verb kRoot = {.name = "root",
                        .summary = "make, mount, limit, snapshot, clone and remove roots of images",
                        .verbs = kRootVerbs};

constexpr const Verb* kTemplateVerbs[] = {&kTemplateBuildVerb, &kTemplateLsVerb, &kTemplateShowVerb};
constexpr Verb kTemplate = {
    .name = "template", .summary = "make images of distribution packages", .verbs = kTemplateVerbs};

constexpr const Verb* kVerbs[] = {
    &run_verb,    &create_verb, &start_verb,   &stop_verb,       &restart_verb, &kill_verb, &pause_verb,
    &resume_verb, &wait_verb,   &rm_verb,      &ps_verb,         &logs_verb,    &exec_verb, &keeper_verb,
    &settle_verb, &kPullVerb,   &kPushVerb,    &kLoginVerb,      &kLogoutVerb,  &kLoadVerb, &kSaveVerb,
    &images_verb, &rmi_verb,    &inspect_verb, &history_verb,    &tag_verb,     &kImage,    &kRoot,
    &kTemplate,   &kNetwork,    &kService,     &completion_verb,
};

}  // namespace

std::span<const Verb* const> operator_verbs() {
  return kVerbs;
}

}  // namespace shoji::cli::op
