#pragma once
// `shoji network attach, detach, release, set, apply, ps, ports`, which shoji-net runs: the options and what help and
// completion say.
#include "cli/operator/network_verbs.h"

namespace shoji::cli::op {

// Completes the names of partitions that are attached.
inline constexpr std::string_view kAttachedNames = "network ps -o partition --no-heading";

// How a partition is to be on a network, in words: of the command line, or of a document.
struct AttachmentWords {
  std::string interface, mac;
  std::vector<std::string> addresses, publish;
  std::vector<std::string> rules;        // "allow RULE", "deny RULE"
  std::vector<std::string> allow, deny;  // of documents: in this order behind `rules`
  std::string rate_in, rate_out, burst_in, burst_out;
  std::optional<bool> default_route;
};

// Whether any of what the command line can say is said.
bool any_given(const AttachmentWords& words);

template <typename Options, bool allow>
constexpr Option rule_option(std::string_view name, std::string_view help) {
  return {name,
          0,
          true,
          [](void* target, std::string_view value) -> Result<> {
            // An empty value is kept: alone, it means no rules.
            static_cast<Options*>(target)->rules.push_back(
                value.empty() ? std::string() : cat(allow ? "allow " : "deny ", value));
            return {};
          },
          help,
          {}};
}
// What can be changed while the partition runs.
template <typename Options>
constexpr std::array<Option, 7> live_options() {
  return {
      option_of<Options, &Options::publish>(
          "publish", 'p', "[HOSTIP:]PORT[-PORT]:PORT[-PORT][/tcp|udp], as 8080:80; may be repeated"),
      rule_option<Options, true>(
          "allow", "[in|out][:PEER][:tcp|udp][:PORT[-PORT]], as in:10.0.0.0/8:tcp:80-90; may be repeated"),
      rule_option<Options, false>("deny", "the same, of what is dropped; the first rule that fits counts"),
      option_of<Options, &Options::rate_in>(
          "rate-in", 0, "most that it receives: 100mbit (bits a second), 12M (bytes a second), none"),
      option_of<Options, &Options::rate_out>("rate-out", 0, "most that it sends"),
      option_of<Options, &Options::burst_in>("burst-in", 0, "bytes that may come at once, as 256K",
                                             "10 ms of the rate"),
      option_of<Options, &Options::burst_out>("burst-out", 0, "bytes that may be sent at once",
                                              "10 ms of the rate"),
  };
}

struct NetworkAttachOptions : AttachmentWords {
  std::string netns, format = "text";
  std::optional<uint32_t> pid;
  bool make = false, no_default_route = false;
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kNetworkAttachOptions = joined(
    std::array{
        option<&NetworkAttachOptions::netns>("netns", 0, "path of the partition's network namespace",
                                             "the pinned one"),
        option<&NetworkAttachOptions::pid>("pid", 0, "the network namespace of this process"),
        option<&NetworkAttachOptions::make>("make", 0, "pin a new network namespace when there is none"),
        option_of<NetworkAttachOptions, &NetworkAttachOptions::addresses>(
            "ip", 0, "an address of its own, instead of a leased one; may be repeated"),
        option_of<NetworkAttachOptions, &NetworkAttachOptions::mac>("mac", 0, "MAC address",
                                                                    "made of the address"),
        option_of<NetworkAttachOptions, &NetworkAttachOptions::interface>(
            "interface", 0, "name of the interface inside", "the first free of eth0, eth1, ..."),
        option<&NetworkAttachOptions::no_default_route>("no-default-route", 0,
                                                        "no default route by this network"),
    },
    live_options<NetworkAttachOptions>(),
    std::array{option<&NetworkAttachOptions::format>("format", 0, "text: the addresses, or json", "text")});
inline constexpr Verb kNetworkAttach = {
    .name = "attach",
    .arguments = "<partition> <network>",
    .summary = "give a partition an interface on a network",
    .description =
        "   The network is one of `network ls`, cni:NAME for a CNI configuration, or one of these words, "
        "which "
        "only pin a\n"
        "   namespace for the partition: none (a new one with lo alone), host, share:PARTITION.\n"
        "   The partition's namespace is RUN/netns/PARTITION unless --netns or --pid say another. It prints "
        "the "
        "addresses.\n"
        "   [::1] cannot be published on: the kernel does not route from it.",
    .options = kNetworkAttachOptions,
    .min_arguments = 2,
    .max_arguments = 2,
    .names_subject = true,
    .candidates = kAttachedNames,
    .later_candidates = kNetworkNames,
};

struct NetworkSetOptions : AttachmentWords {
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kNetworkSetOptions = live_options<NetworkSetOptions>();
inline constexpr Verb kNetworkSet = {
    .name = "set",
    .arguments = "<partition> <network>",
    .summary = "change ports, rules and rates of a partition that runs",
    .description =
        "   What is named replaces what was: all ports, all rules (--allow and --deny together). An empty "
        "value "
        "clears:\n"
        "   -p ''. Established connections stay.",
    .options = kNetworkSetOptions,
    .min_arguments = 2,
    .max_arguments = 2,
    .names_subject = true,
    .candidates = kAttachedNames,
    .later_candidates = kNetworkNames,
};

inline constexpr Verb kNetworkDetach = {
    .name = "detach",
    .arguments = "<partition> [network]",
    .summary = "take a running partition off a network, or off all",
    .min_arguments = 1,
    .max_arguments = 2,
    .names_subject = true,
    .candidates = kAttachedNames,
    .later_candidates = kNetworkNames,
};

inline constexpr Verb kNetworkRelease = {
    .name = "release",
    .arguments = "<partition>...",
    .summary = "take back all that partitions had which have ended",
    .description =
        "   Interfaces, addresses, ports, rules and the pinned namespace. What is not there is fine.",
    .min_arguments = 1,
    .candidates = kAttachedNames,
};

inline constexpr Verb kNetworkApply = {
    .name = "apply",
    .arguments = "<file>",
    .summary = "attach and release many partitions at once",
    .description =
        "   The file (-: standard input) is a JSON document, checked as a whole before anything is done:\n\n"
        "   {\"release\": [\"old1\"],\n"
        "    \"attach\": [{\"partition\": \"web1\", \"netns\": \"PATH\", \"makeNetns\": true,\n"
        "      \"networks\": [{\"network\": \"farm\", \"interface\": \"eth0\", \"addresses\": "
        "[\"10.7.0.9\"], "
        "\"mac\": \"...\",\n"
        "        \"defaultRoute\": true, \"publish\": [\"8080:80\"], \"allow\": [\"in:tcp:80\"], \"deny\": "
        "[\"in\"],\n"
        "        \"rateIn\": \"100mbit\", \"rateOut\": \"12M\", \"burstIn\": \"256K\", \"burstOut\": "
        "\"256K\"}]}]}\n\n"
        "   Partitions are released first; the attaching is done altogether or not at all. It prints the "
        "attachments as JSON.",
    .min_arguments = 1,
    .max_arguments = 1,
};

struct NetworkPsOptions : ListOptions {
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kNetworkPsOptions = list_options<NetworkPsOptions>(std::array<Option, 0>{});
inline constexpr Verb kNetworkPs = {
    .name = "ps",
    .arguments = "[partition]",
    .summary = "list which partitions are on which networks",
    .description =
        "   Fields: partition, network, interface, addresses, ports, rate_in, rate_out, mac, kind, "
        "host_interface, netns,\n"
        "   gateways, rules, burst_in, burst_out.",
    .options = kNetworkPsOptions,
    .max_arguments = 1,
    .candidates = kAttachedNames,
};

struct NetworkPortsOptions : ListOptions {
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kNetworkPortsOptions = list_options<NetworkPortsOptions>(std::array<Option, 0>{});
inline constexpr Verb kNetworkPorts = {
    .name = "ports",
    .summary = "list who publishes which port of the host",
    .description = "   Fields: address, port, protocol, holder.",
    .options = kNetworkPortsOptions,
    .max_arguments = 0,
};

}  // namespace shoji::cli::op
