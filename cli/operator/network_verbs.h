#pragma once
// `shoji network create, ls, inspect, edit, rm, leases, check`, which shoji-net runs: the options and what help and
// completion say. shoji has the same rows with hand_over_to_net() to run them.
#include <array>
#include <optional>

#include "cli/operator/program.h"
#include "cli/table.h"

namespace shoji::cli::op {

// Completes the names of networks.
inline constexpr std::string_view kNetworkNames = "network ls -o name --no-heading";

// `network check` found what it did not, or could not, repair.
inline constexpr int kExitFaults = 3;

// What a network is, by options. Those that podman-network-create(1) has are named as there.
struct NetworkOptions {
  std::optional<std::string> kind, interface, parent, mode, cni;
  std::optional<uint32_t> mtu;
  std::optional<bool> no_nat, internal, isolated;
  std::vector<std::string> subnets, gateways, ranges, routes, dns, labels;
};
template <typename Options>
constexpr std::array<Option, 18> network_options() {
  return {
      option_of<Options, &Options::kind>("kind", 0, "bridge, routed, macvlan or cni", "bridge"),
      option_of<Options, &Options::kind>("driver", 'd', "the same as --kind"),
      option_of<Options, &Options::subnets>(
          "subnet", 0, "addresses of it, as 10.7.0.0/24 or fd07::/64; may be repeated", "a free one"),
      option_of<Options, &Options::gateways>("gateway", 0,
                                             "the host's address in the subnet that has it; may be repeated",
                                             "the first of a subnet"),
      option_of<Options, &Options::ranges>("range", 0,
                                           "FIRST-LAST or PREFIX: what is given out of its subnet; may be "
                                           "repeated",
                                           "the subnet"),
      option_of<Options, &Options::ranges>("ip-range", 0, "the same as --range"),
      option_of<Options, &Options::interface>("interface", 0, "name of the bridge", "sj-NAME"),
      option_of<Options, &Options::interface>("interface-name", 0, "the same as --interface"),
      option_of<Options, &Options::parent>("parent", 0, "the host's interface that a macvlan network is on"),
      option_of<Options, &Options::mode>("mode", 0, "of macvlan: bridge, private, vepa or passthru",
                                         "bridge"),
      option_of<Options, &Options::cni>("cni", 0, "name of the CNI configuration of a network of kind cni"),
      option_of<Options, &Options::mtu>("mtu", 0, "largest packet, in bytes", "the kernel's"),
      option_of<Options, &Options::no_nat>("no-nat", 0, "do not hide the addresses behind the host's"),
      option_of<Options, &Options::internal>("internal", 0, "no way out of the host"),
      option_of<Options, &Options::isolated>("isolated", 0, "no way to partitions of other networks"),
      option_of<Options, &Options::routes>(
          "route", 0, "DEST[,via GATEWAY][,metric N] in each partition; may be repeated"),
      option_of<Options, &Options::dns>("dns", 0, "name server of the partitions; may be repeated",
                                        "the host's"),
      option_of<Options, &Options::labels>("label", 'l', "KEY=VALUE, kept with it; may be repeated"),
  };
}

// Whether any of them was given.
bool any_given(const NetworkOptions& options);

struct NetworkCreateOptions : NetworkOptions {
  std::string file;
  std::vector<std::string> podman_options;
  bool ipv6 = false, ignore = false, disable_dns = false;
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kNetworkCreateOptions =
    joined(network_options<NetworkCreateOptions>(),
           std::array{
               option<&NetworkCreateOptions::file>("file", 0,
                                                   "the document, instead of the options; -: standard input"),
               option<&NetworkCreateOptions::ipv6>("ipv6", 0, "with a free IPv6 subnet as well"),
               option<&NetworkCreateOptions::podman_options>(
                   "opt", 'o', "podman's KEY=VALUE: mtu, parent, mode, isolate; may be repeated"),
               option<&NetworkCreateOptions::ignore>("ignore", 0, "one of that name that is there is fine"),
               option<&NetworkCreateOptions::disable_dns>("disable-dns", 0,
                                                          "podman's; there is no name server of the network"),
           });
inline constexpr Verb kNetworkCreate = {
    .name = "create",
    .arguments = "[name]",
    .summary = "make a network",
    .description =
        "   bridge: partitions and host on one bridge. routed: each partition by a route of its own, without "
        "a "
        "bridge.\n"
        "   macvlan: on an interface of the host, beside it. cni: what a CNI configuration says.\n"
        "   Without --subnet it gets the first /24 from 10.89.0.0/24 to 10.255.255.0/24 that overlaps no "
        "network, address\n"
        "   or route of the host. --file reads what `network inspect --format document` prints.",
    .options = kNetworkCreateOptions,
    .max_arguments = 1,
    .names_subject = true,
};

struct NetworkLsOptions : ListOptions {
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kNetworkLsOptions = list_options<NetworkLsOptions>(std::array<Option, 0>{});
inline constexpr Verb kNetworkLs = {
    .name = "ls",
    .summary = "list the networks that there are",
    .description =
        "   Fields: name, kind, subnets, attached, interface, mtu, nat, internal, isolated, labels.",
    .options = kNetworkLsOptions,
    .max_arguments = 0,
};

struct NetworkInspectOptions {
  std::string format = "json";
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr Option kNetworkInspectOptions[] = {
    option<&NetworkInspectOptions::format>("format", 0, "json, text, or document: as create --file takes it",
                                           "json"),
};
inline constexpr Verb kNetworkInspect = {
    .name = "inspect",
    .arguments = "<network>...",
    .summary = "print networks and what is attached to them",
    .options = kNetworkInspectOptions,
    .min_arguments = 1,
    .candidates = kNetworkNames,
};

struct NetworkEditOptions : NetworkOptions {
  std::string file;
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kNetworkEditOptions =
    joined(network_options<NetworkEditOptions>(),
           std::array{option<&NetworkEditOptions::file>("file", 0, "the new document; -: standard input")});
inline constexpr Verb kNetworkEdit = {
    .name = "edit",
    .arguments = "<network>",
    .summary = "change a network",
    .description =
        "   Options change what they name, an empty value clears it, and --no-nat=false turns it back. "
        "Without "
        "any option\n"
        "   $VISUAL or $EDITOR is started on the document. It is checked as a whole before anything changes; "
        "addresses\n"
        "   that partitions have must stay in its subnets.",
    .options = kNetworkEditOptions,
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kNetworkNames,
};

struct NetworkRmOptions {
  bool force = false;
};
inline constexpr Option kNetworkRmOptions[] = {
    option<&NetworkRmOptions::force>("force", 'f', "detach partitions first; one that is not there is fine"),
};
inline constexpr Verb kNetworkRm = {
    .name = "rm",
    .arguments = "<network>...",
    .summary = "remove networks",
    .options = kNetworkRmOptions,
    .min_arguments = 1,
    .candidates = kNetworkNames,
};

struct NetworkLeasesOptions : ListOptions {
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kNetworkLeasesOptions = list_options<NetworkLeasesOptions>(std::array<Option, 0>{});
inline constexpr Verb kNetworkLeases = {
    .name = "leases",
    .arguments = "<network>",
    .summary = "list who has which address of a network",
    .description = "   Fields: address, partition, current (false: of an earlier boot, free again).",
    .options = kNetworkLeasesOptions,
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kNetworkNames,
};

struct NetworkCheckOptions {
  bool repair = false;
  std::string format = "text";
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr Option kNetworkCheckOptions[] = {
    option<&NetworkCheckOptions::repair>("repair", 0, "make it so again, and remove what belongs to nobody"),
    option<&NetworkCheckOptions::format>("format", 0, "text or json", "text"),
};
inline constexpr Verb kNetworkCheck = {
    .name = "check",
    .summary = "compare the kernel's links, routes and rules with the records",
    .description = "   Exit code 3: there are faults that were not repaired.",
    .options = kNetworkCheckOptions,
    .max_arguments = 0,
};

struct NetworkRow {
  std::string name, kind, interface;
  std::vector<std::string> subnets, labels;
  uint64_t attached = 0, mtu = 0;
  bool nat = false, internal = false, isolated = false;
};
std::span<const Column> network_columns();

struct LeaseRow {
  std::string address, partition;
  bool current = true;
};
std::span<const Column> lease_columns();

}  // namespace shoji::cli::op
