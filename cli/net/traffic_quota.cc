#include "base/quantity.h"
#include "cli/human.h"
#include "cli/net/rate.h"
#include "cli/net/verbs.h"
#include "cli/operator/traffic_verbs.h"
#include "netsetup/host/host_networks.h"
#include "netsetup/usage/quota.h"

namespace shoji::cli::net {

namespace {

using shoji::net::OverQuota;
using shoji::net::TrafficQuota;
using shoji::net::Usage;

Result<TrafficQuota> read_quota(const op::NetworkQuotaOptions& options) {
  TrafficQuota out;
  TRY_ASSIGN(out.bytes, parse_size(options.bytes));
  if (out.bytes == 0) return fail(Kind::kInvalid, "--bytes 0: --none takes the quota away");
  out.action = options.over == "shape" ? OverQuota::kShape : OverQuota::kBlock;
  if (options.rate.empty()) return out;
  TRY_ASSIGN(out.rate, parse_rate(options.rate));
  return out;
}

std::string text_of(const Usage& usage) {
  const TrafficQuota& quota = usage.quota;
  if (quota.bytes == 0) return cat("none; ", human_size(usage.month_bytes), " used in ", usage.month, '\n');
  return cat(human_size(quota.bytes), " a month, then ",
             quota.action == OverQuota::kShape ? cat("shaped to ", print_rate(quota.rate)) : "blocked", "; ",
             human_size(usage.month_bytes), " used in ", usage.month, ", ", human_size(usage.left()),
             " left\n");
}

Result<int> quota(const op::Globals& globals, op::NetworkQuotaOptions& options, Arguments& arguments) {
  const std::string& partition = arguments[0];
  shoji::net::NetworkStore store = store_of(globals);
  if (options.forget) {
    TRY_ASSIGN(std::vector<shoji::net::Attachment> attached, shoji::net::list_attachments(store, partition));
    if (!attached.empty())
      return fail(Kind::kState, cat("it is on network ", quote(attached[0].network), ": release it first"));
    TRY(shoji::net::forget_usage(store, partition));
    return kExitOk;
  }
  TRY_ASSIGN(shoji::net::RouteSocket host, shoji::net::RouteSocket::open());
  if (!options.none && options.bytes.empty()) {
    TRY_ASSIGN(std::vector<Usage> usage, shoji::net::collect_usage(store, host, partition));
    TRY(print(text_of(usage.at(0))));
    return kExitOk;
  }
  TrafficQuota wanted;
  if (!options.none) {
    TRY_ASSIGN(wanted, read_quota(options));
  }
  TRY(shoji::net::set_traffic_quota(store, partition, wanted));
  TRY_ASSIGN(shoji::net::Firewall firewall, shoji::net::Firewall::open());
  TRY(shoji::net::arm_quota(store, host, firewall, partition));
  return kExitOk;
}

}  // namespace

constinit const Verb network_quota_verb = acting<op::NetworkQuotaOptions, quota>(op::kNetworkQuota);

}  // namespace shoji::cli::net

namespace shoji::cli::op {

Result<> NetworkQuotaOptions::check(const Arguments& arguments) const {
  TRY(shoji::net::check_partition_name(arguments[0]));
  if (over != "block" && over != "shape")
    return fail(Kind::kInvalid, cat("--over: ", quote(over), " is neither block nor shape"));
  if (static_cast<int>(none) + static_cast<int>(forget) + static_cast<int>(!bytes.empty()) > 1)
    return fail(Kind::kInvalid, "--bytes, --none and --forget exclude each other");
  if ((over == "shape") != !rate.empty())
    return fail(Kind::kInvalid, "--over shape and --rate need each other");
  if (over == "shape" && bytes.empty()) return fail(Kind::kInvalid, "--over shape needs --bytes");
  return {};
}

}  // namespace shoji::cli::op
